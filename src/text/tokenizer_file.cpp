#include "text/tokenizer_file.h"

#include <unordered_set>

#include "core/error.h"
#include "text/tokenizer_json.h"

namespace owl3 {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxFileBytes = 256 << 20;
constexpr size_t kMaxAddedTokenBytes = 512;

/// What a ByteLevel pre-tokenizer cuts by when it is not told otherwise (GPT-2's pattern).
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

[[noreturn]] void fail(std::string_view where, std::string_view what) {
  throw InputError(fmt::format("{}: {}", where, what));
}

/// A member that may be missing or null; otherwise it must be of the wanted kind.
const Json* find(const Json& object, const char* key) {
  const auto member = object.find(key);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}
bool get_bool(const Json& object, const char* key, bool otherwise, std::string_view where) {
  const Json* member = find(object, key);
  if (member == nullptr) return otherwise;
  if (!member->is_boolean()) fail(where, fmt::format("\"{}\" is not true or false", key));
  return member->get<bool>();
}
std::string get_string(const Json& object, const char* key, std::string_view where) {
  const Json* member = find(object, key);
  if (member == nullptr || !member->is_string()) {
    fail(where, fmt::format("\"{}\" is not a string", key));
  }
  return member->get<std::string>();
}
std::string type_of(const Json& object, std::string_view where) {
  if (!object.is_object()) fail(where, "not an object");
  return get_string(object, "type", where);
}
/// The parts of a Sequence (under `key`), or the one part that there is.
std::vector<Json> parts_of(const Json& object, const char* key, std::string_view where) {
  if (type_of(object, where) != "Sequence") return {object};
  const Json* parts = find(object, key);
  if (parts == nullptr || !parts->is_array()) fail(where, fmt::format("\"{}\" is not a list", key));
  return parts->get<std::vector<Json>>();
}

void read_normalizer(const Json& document, TokenizerFile& file) {
  const Json* normalizer = find(document, "normalizer");
  if (normalizer == nullptr) return;
  for (const Json& part : parts_of(*normalizer, "normalizers", "normalizer")) {
    const std::string type = type_of(part, "normalizer");
    if (type != "NFC") fail("normalizer", fmt::format("owl3 knows NFC or none, not {}", type));
    file.nfc = true;
  }
}

SplitRule read_split(const Json& part, std::string_view where) {
  // With "Isolated" matches and the rest are all kept, so "invert" makes no difference.
  if (get_string(part, "behavior", where) != "Isolated") {
    fail(where, "owl3 knows the behavior Isolated only");
  }
  const Json* pattern = find(part, "pattern");
  if (pattern == nullptr || !pattern->is_object()) fail(where, "\"pattern\" is not an object");
  if (find(*pattern, "Regex") != nullptr) return {get_string(*pattern, "Regex", where), false};
  return {get_string(*pattern, "String", where), true};
}

void read_pre_tokenizer(const Json& document, TokenizerFile& file) {
  constexpr std::string_view kWhere = "pre_tokenizer";
  const Json* pre_tokenizer = find(document, "pre_tokenizer");
  if (pre_tokenizer == nullptr) fail(kWhere, "missing; owl3 reads byte-level BPE only");
  bool byte_level = false;
  for (const Json& part : parts_of(*pre_tokenizer, "pretokenizers", kWhere)) {
    const std::string type = type_of(part, kWhere);
    if (byte_level) fail(kWhere, "ByteLevel is not the last part of the Sequence");
    if (type == "Split") {
      file.splits.push_back(read_split(part, kWhere));
    } else if (type == "ByteLevel") {
      byte_level = true;
      if (get_bool(part, "add_prefix_space", true, kWhere)) {
        fail(kWhere, "owl3 does not do add_prefix_space");
      }
      if (get_bool(part, "use_regex", true, kWhere)) {
        file.splits.push_back({std::string(kByteLevelPattern), false});
      }
    } else {
      fail(kWhere, fmt::format("owl3 knows Split and ByteLevel, not {}", type));
    }
  }
  if (!byte_level) fail(kWhere, "has no ByteLevel part; owl3 reads byte-level BPE only");
}

void check_decoder(const Json& document) {
  const Json* decoder = find(document, "decoder");
  if (decoder == nullptr) return;
  for (const Json& part : parts_of(*decoder, "decoders", "decoder")) {
    const std::string type = type_of(part, "decoder");
    if (type != "ByteLevel") fail("decoder", fmt::format("owl3 knows ByteLevel, not {}", type));
  }
}

void check_model(const Json& document, const TokenizerJson& json, TokenizerFile& file) {
  const Json* model = find(document, "model");
  if (model == nullptr || !model->is_object()) fail("model", "missing");
  // Early files have no type; a vocabulary with merges is BPE.
  if (find(*model, "type") != nullptr && get_string(*model, "type", "model") != "BPE") {
    fail("model", fmt::format("of type {}; owl3 reads byte-level BPE only",
                              get_string(*model, "type", "model")));
  }
  if (!json.has_vocabulary) fail("model", "has no \"vocab\"");
  if (!json.has_merges) fail("model", "has no \"merges\"");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (find(*model, key) != nullptr && !get_string(*model, key, "model").empty()) {
      fail("model", fmt::format("owl3 does not do {}", key));
    }
  }
  const Json* dropout = find(*model, "dropout");
  if (dropout != nullptr && *dropout != 0) fail("model", "owl3 does not do dropout");
  file.ignore_merges = get_bool(*model, "ignore_merges", false, "model");
}

AddedToken read_added_token(const Json& entry, std::string_view where) {
  if (!entry.is_object()) fail(where, "not an object");
  AddedToken token;
  const Json* id = find(entry, "id");
  if (id == nullptr || !id->is_number_unsigned() || id->get<uint64_t>() > kMaxTokenId) {
    fail(where, fmt::format("\"id\" is not a whole number in 0..{}", kMaxTokenId));
  }
  token.id = id->get<int32_t>();
  token.content = get_string(entry, "content", where);
  if (token.content.empty() || token.content.size() > kMaxAddedTokenBytes) {
    fail(where, fmt::format("\"content\" has {} bytes; 1 to {} are allowed", token.content.size(),
                            kMaxAddedTokenBytes));
  }
  token.special = get_bool(entry, "special", false, where);
  token.normalized = get_bool(entry, "normalized", !token.special, where);
  token.lstrip = get_bool(entry, "lstrip", false, where);
  token.rstrip = get_bool(entry, "rstrip", false, where);
  token.single_word = get_bool(entry, "single_word", false, where);
  return token;
}

void read_added_tokens(const Json* entries, TokenizerFile& file) {
  if (entries == nullptr) return;
  if (!entries->is_array()) fail("added_tokens", "not a list");
  std::unordered_set<int32_t> ids;
  std::unordered_set<std::string> contents;
  for (size_t i = 0; i < entries->size(); ++i) {
    const std::string where = fmt::format("added_tokens[{}]", i);
    AddedToken token = read_added_token((*entries)[i], where);
    const std::string_view in_vocabulary = file.vocabulary.bytes_of(token.id);
    if (!ids.insert(token.id).second ||
        (file.vocabulary.contains(token.id) && in_vocabulary != token.content)) {
      fail(where, fmt::format("another token has the id {} as well", token.id));
    }
    if (!contents.insert(token.content).second) {
      fail(where, fmt::format("\"{}\" is listed twice", token.content));
    }
    file.added_tokens.push_back(std::move(token));
  }
}

Json parse_added_tokens(std::string_view json) {
  Json entries = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!entries.is_array()) fail("added tokens", "not a JSON list of added tokens");
  return entries;
}

}  // namespace

TokenizerFile read_tokenizer_file(std::string_view json,
                                  std::optional<std::string_view> added_tokens) {
  if (json.empty()) throw InputError("the file is empty");
  if (json.size() > kMaxFileBytes) {
    throw InputError(fmt::format("{} bytes are too many for a tokenizer.json", json.size()));
  }
  TokenizerJson parsed = parse_tokenizer_json(json);
  const Json& document = parsed.document;
  if (!document.is_object()) throw InputError("not a JSON object");

  TokenizerFile file;
  check_model(document, parsed, file);
  read_normalizer(document, file);
  read_pre_tokenizer(document, file);
  check_decoder(document);
  file.vocabulary = std::move(parsed.vocabulary);
  file.merges = std::move(parsed.merges);
  if (const int32_t twin = file.vocabulary.index(); twin >= 0) {
    fail("model.vocab", fmt::format("the token with the id {} is listed twice", twin));
  }
  if (added_tokens) {
    const Json entries = parse_added_tokens(*added_tokens);
    read_added_tokens(&entries, file);
  } else {
    read_added_tokens(find(document, "added_tokens"), file);
  }
  return file;
}

}  // namespace owl3
