#include "text/tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/mapped_file.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/nfc.h"
#include "text/pattern.h"
#include "text/tokenizer_file.h"
#include "text/utf8.h"

namespace owl3 {
namespace {

std::vector<AddedToken> tokens_to_match(const TokenizerFile& file, bool normalized) {
  std::vector<AddedToken> chosen;
  for (AddedToken token : file.added_tokens) {
    if (token.normalized != normalized) continue;
    if (normalized && file.nfc) token.content = to_nfc(token.content);
    chosen.push_back(std::move(token));
  }
  return chosen;
}

/// The ranges as far as they lie in `size` bytes from `begin` on, counted from there.
std::vector<TextRange> within(std::span<const TextRange> ranges, size_t begin, size_t size) {
  std::vector<TextRange> inside;
  for (const TextRange& range : ranges) {
    const size_t first = std::max(range.begin, begin);
    const size_t last = std::min(range.end, begin + size);
    if (first < last) inside.push_back({first - begin, last - begin});
  }
  return inside;
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(TokenizerFile file);

  /// What one call of encode() works with.
  struct Encoding {
    explicit Encoding(size_t text_bytes) : workspace(text_bytes) {}
    Bpe::Workspace workspace;
    PatternMatcher matcher;
    std::vector<int32_t> ids;
  };
  void encode_segment(std::string_view text, std::span<const TextRange> literal,
                      Encoding& encoding) const;
  /// Cuts `text` by splits[level] and on, and encodes the pieces.
  void encode_pieces(std::string_view text, size_t level, Encoding& encoding) const;

  std::vector<Pattern> splits;
  bool nfc = false;
  AddedTokenMatcher raw_tokens;         // found in the text as given
  AddedTokenMatcher normalized_tokens;  // found in the normalised text
  Bpe bpe;
  std::unordered_map<int32_t, AddedToken> added_by_id;
  std::unordered_map<std::string, int32_t> id_by_content;
  int32_t vocab_size = 0;
};

Tokenizer::Impl::Impl(TokenizerFile file)
    : nfc(file.nfc),
      raw_tokens(tokens_to_match(file, false)),
      normalized_tokens(tokens_to_match(file, true)),
      bpe(std::move(file.vocabulary), file.merges, file.ignore_merges),
      vocab_size(bpe.vocabulary().size()) {
  for (const SplitRule& split : file.splits) {
    try {
      splits.emplace_back(split.pattern, split.literal);
    } catch (const InputError& error) {
      throw InputError(fmt::format("pre_tokenizer: {}", error.what()));
    }
  }
  for (AddedToken& token : file.added_tokens) {
    vocab_size = std::max(vocab_size, token.id + 1);
    id_by_content.emplace(token.content, token.id);
    added_by_id.emplace(token.id, std::move(token));
  }
}

void Tokenizer::Impl::encode_segment(std::string_view text, std::span<const TextRange> literal,
                                     Encoding& encoding) const {
  const bool normalise = nfc && !is_plainly_nfc(text);
  const std::string normalised = normalise ? to_nfc(text) : std::string();
  std::vector<TextRange> ranges(literal.begin(), literal.end());
  for (TextRange& range : ranges) {  // to where they are in the normalised text
    if (!normalise) break;
    range.begin = to_nfc(text.substr(0, range.begin)).size();
    range.end = to_nfc(text.substr(0, range.end)).size();
  }
  for (const Segment& segment : normalized_tokens.split(normalise ? normalised : text, ranges)) {
    if (segment.id >= 0) {
      encoding.ids.push_back(segment.id);
    } else {
      encode_pieces(segment.text, 0, encoding);
    }
  }
}

void Tokenizer::Impl::encode_pieces(std::string_view text, size_t level, Encoding& encoding) const {
  if (text.empty()) return;
  if (level == splits.size()) {
    bpe.encode(text, encoding.workspace, encoding.ids);
    return;
  }
  size_t done = 0;
  PatternMatcher::Match match;
  for (size_t start = 0; start < text.size();) {
    if (!encoding.matcher.find(splits[level], text, start, match)) break;
    encode_pieces(text.substr(done, match.begin - done), level + 1, encoding);
    encode_pieces(text.substr(match.begin, match.end - match.begin), level + 1, encoding);
    done = match.end;
    start = match.end;
    // Past an empty match, look on from the next character.
    if (match.begin == match.end && start < text.size()) {
      start += first_character(text.substr(start)).length;
    }
  }
  encode_pieces(text.substr(done), level + 1, encoding);
}

Tokenizer Tokenizer::from_file(const std::filesystem::path& path,
                               const std::filesystem::path& added_tokens) {
  const auto file = MappedFile::open(path);
  if (added_tokens.empty()) return from_json(text_of(*file), path.string());
  const auto added = MappedFile::open(added_tokens);
  return from_json(text_of(*file), fmt::format("{} with {}", path.string(), added_tokens.string()),
                   text_of(*added));
}

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& name,
                               std::optional<std::string_view> added_tokens) {
  try {
    return Tokenizer(std::make_shared<const Impl>(read_tokenizer_file(json, added_tokens)));
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", name, error.what()));
  }
}

std::vector<int32_t> Tokenizer::encode(std::string_view text,
                                       std::span<const TextRange> literal) const {
  if (text.size() > INT32_MAX) {
    throw InputError(fmt::format("a text of {} bytes is too long to tokenise", text.size()));
  }
  if (const size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw InputError(fmt::format("the text is not UTF-8 at byte {}", at));
  }
  Impl::Encoding encoding(text.size());
  encoding.ids.reserve(text.size() / 4 + 8);
  for (const Segment& segment : impl_->raw_tokens.split(text, literal)) {
    if (segment.id >= 0) {
      encoding.ids.push_back(segment.id);
    } else {
      const auto begin = static_cast<size_t>(segment.text.data() - text.data());
      impl_->encode_segment(segment.text, within(literal, begin, segment.text.size()), encoding);
    }
  }
  return std::move(encoding.ids);
}

std::vector<int32_t> Tokenizer::encode_words(std::string_view text) const {
  const TextRange all = {0, text.size()};
  return encode(text, {&all, 1});
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string bytes;
  for (const int32_t id : ids) bytes.append(bytes_of(id));
  return with_replacements(std::move(bytes));
}

std::string_view Tokenizer::bytes_of(int32_t id) const {
  if (const auto added = impl_->added_by_id.find(id); added != impl_->added_by_id.end()) {
    return added->second.content;
  }
  return impl_->bpe.vocabulary().bytes_of(id);
}

std::optional<int32_t> Tokenizer::id_of_added_token(std::string_view content) const {
  const auto found = impl_->id_by_content.find(std::string(content));
  if (found == impl_->id_by_content.end()) return std::nullopt;
  return found->second;
}

bool Tokenizer::is_special(int32_t id) const {
  const auto added = impl_->added_by_id.find(id);
  return added != impl_->added_by_id.end() && added->second.special;
}

int32_t Tokenizer::vocab_size() const {
  return impl_->vocab_size;
}

}  // namespace owl3
