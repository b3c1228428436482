#include "formats/syllable_tokenizer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 8> kSpecialTokens = {
    "<|endoftext|>", "<|im_start|>",          "<|im_end|>",         "<|image|>", "<|start_cut|>",
    "<|end_cut|>",   "<|start_video_frame|>", "<|end_video_frame|>"};

// The split pattern of the Qwen2 tokenizer.
constexpr const char* kPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string utf8(unsigned code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3f))};
}

/// The 256 characters that stand for bytes in byte-level BPE, in the order of their ids: bytes that
/// print stand for themselves, the others for the characters from U+0100 on.
std::vector<std::string> byte_characters() {
  std::vector<std::string> characters;
  const auto add_range = [&](unsigned first, unsigned last) {
    for (unsigned code = first; code <= last; ++code) characters.push_back(utf8(code));
  };
  add_range('!', '~');
  add_range(0xa1, 0xac);
  add_range(0xae, 0xff);
  add_range(0x100, 0x100 + 255 - static_cast<unsigned>(characters.size()));
  return characters;
}

/// The vocabulary under construction: words grow from pairs of existing ones.
class Vocabulary {
 public:
  explicit Vocabulary(int64_t limit) : limit_(static_cast<size_t>(limit)) {
    for (std::string& character : byte_characters()) add(std::move(character));
  }

  bool full() const { return words_.size() >= limit_; }
  size_t size() const { return words_.size(); }
  const std::string& word(size_t id) const { return words_[id]; }

  /// Adds left + right as a token with its merge, while there is room.
  void merge(const std::string& left, const std::string& right) {
    if (full()) return;
    merges_.push_back(left + " " + right);
    add(left + right);
  }

  Json words_by_id() const {
    Json vocabulary = Json::object();
    auto& entries = vocabulary.get_ref<Json::object_t&>();
    // Straight into the underlying list: its operator[] searches all of it for a duplicate.
    for (size_t id = 0; id < words_.size(); ++id) {
      static_cast<std::vector<Json::object_t::value_type>&>(entries).emplace_back(words_[id], id);
    }
    return vocabulary;
  }
  const std::vector<std::string>& merges() const { return merges_; }

 private:
  void add(std::string word) { words_.push_back(std::move(word)); }

  size_t limit_;
  std::vector<std::string> words_;
  std::vector<std::string> merges_;
};

/// Syllables ("ba"), then words of two and three of them, each also with the space before it.
void add_syllables(Vocabulary& vocabulary) {
  const std::string space = utf8(0x120);  // what stands for byte 0x20
  const auto with_space = [&](size_t begin, size_t end) {
    for (size_t id = begin; id < end; ++id)
      vocabulary.merge(space, std::string(vocabulary.word(id)));
  };
  const size_t syllables = vocabulary.size();
  for (const char consonant : std::string_view("bcdfghjklmnpqrstvwxyz")) {
    for (const char vowel : std::string_view("aeiou")) {
      vocabulary.merge(std::string(1, consonant), std::string(1, vowel));
    }
  }
  const size_t syllables_end = vocabulary.size();
  with_space(syllables, syllables_end);

  size_t words = syllables;
  size_t words_end = syllables_end;
  while (!vocabulary.full()) {
    const size_t longer = vocabulary.size();
    for (size_t head = words; head < words_end && !vocabulary.full(); ++head) {
      for (size_t tail = syllables; tail < syllables_end; ++tail) {
        vocabulary.merge(std::string(vocabulary.word(head)), std::string(vocabulary.word(tail)));
      }
    }
    words = longer;
    words_end = vocabulary.size();
    with_space(words, words_end);
  }
}

Json added_token(int64_t id, const char* content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

Json byte_level_step(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", false},
          {"use_regex", use_regex}};
}

}  // namespace

int64_t syllable_tokenizer_specials() {
  return static_cast<int64_t>(kSpecialTokens.size());
}

std::string make_syllable_tokenizer(int64_t text_tokens) {
  OWL3_CHECK(text_tokens >= 256);
  Vocabulary vocabulary(text_tokens);
  add_syllables(vocabulary);

  Json added = Json::array();
  for (size_t i = 0; i < kSpecialTokens.size(); ++i) {
    added.push_back(added_token(text_tokens + static_cast<int64_t>(i), kSpecialTokens[i]));
  }
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", kPattern}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  Json model = {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"continuing_subword_prefix", ""},
                {"end_of_word_suffix", ""},
                {"fuse_unk", false},
                {"byte_fallback", false}};
  model["vocab"] = vocabulary.words_by_id();
  model["merges"] = vocabulary.merges();
  Json tokenizer = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  tokenizer["added_tokens"] = std::move(added);
  tokenizer["normalizer"] = {{"type", "NFC"}};
  tokenizer["pre_tokenizer"] = {{"type", "Sequence"},
                                {"pretokenizers", Json::array({split, byte_level_step(false)})}};
  tokenizer["post_processor"] = byte_level_step(false);
  tokenizer["decoder"] = byte_level_step(false);
  tokenizer["model"] = std::move(model);
  return tokenizer.dump(1);
}

}  // namespace owl3
