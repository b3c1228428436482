// The requests of a file as OpenAI's Batch API takes it: JSONL, a request a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"

namespace owl3 {

struct BatchRequest {
  nlohmann::ordered_json custom_id;  // a text; null where the line has none
  std::string url;                   // "/v1/chat/completions"
  std::string body;                  // a JSON object
  std::string code{};                // "invalid_json_line", where the line is no request
  std::string error{};               // and why it is none; empty: it is one
};

/// May be used by several threads. Blank lines count only for the numbers of lines.
class RequestLines {
 public:
  /// Passes over the file once. Throws InputError where it can't be read, or no line of it has a
  /// custom_id.
  explicit RequestLines(const std::filesystem::path& path);

  int64_t size() const { return static_cast<int64_t>(lines_.size()); }
  BatchRequest request(int64_t index) const;
  /// What tells these requests from others.
  std::string checksum() const;

 private:
  struct Line {
    size_t begin = 0;
    int64_t number = 0;     // from 1, as an editor counts
    bool is_again = false;  // a line before it has its custom_id
  };

  std::string_view text() const;
  std::string_view text_of(const Line& line) const;

  std::shared_ptr<const MappedFile> file_;
  std::vector<Line> lines_;
};

}  // namespace owl3
