#include "formats/tokenizer_writer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 8> kSpecialTokens = {
    "<|endoftext|>", "<|im_start|>",          "<|im_end|>",         "<|image|>", "<|start_cut|>",
    "<|end_cut|>",   "<|start_video_frame|>", "<|end_video_frame|>"};

std::string utf8(unsigned code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3f))};
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

Json vocabulary_of(const std::vector<std::string>& tokens) {
  Json vocabulary = Json::object();
  auto& entries = vocabulary.get_ref<Json::object_t&>();
  // Straight into the underlying list: its operator[] searches all of it for a duplicate.
  for (size_t id = 0; id < tokens.size(); ++id) {
    static_cast<std::vector<Json::object_t::value_type>&>(entries).emplace_back(tokens[id], id);
  }
  return vocabulary;
}

}  // namespace

const char* const kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

int64_t special_token_count() {
  return static_cast<int64_t>(kSpecialTokens.size());
}

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

std::string write_tokenizer_json(const std::vector<std::string>& tokens,
                                 const std::vector<std::string>& merges,
                                 const std::string& pattern) {
  Json added = Json::array();
  for (size_t i = 0; i < kSpecialTokens.size(); ++i) {
    added.push_back(added_token(static_cast<int64_t>(tokens.size() + i), kSpecialTokens[i]));
  }
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", pattern}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  Json model = {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"continuing_subword_prefix", ""},
                {"end_of_word_suffix", ""},
                {"fuse_unk", false},
                {"byte_fallback", false}};
  model["vocab"] = vocabulary_of(tokens);
  model["merges"] = merges;
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
