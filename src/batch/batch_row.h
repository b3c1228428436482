// A question about an item with its answer, as a line of the output.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch_item.h"

namespace owl3 {

enum class BatchFormat { kJsonl, kCsv };

/// What rows have beside an answer.
struct BatchLayout {
  BatchFormat format = BatchFormat::kJsonl;
  bool has_segment = false;   // where films are asked about part by part
  bool has_question = false;  // where several are asked
  bool has_row = false;       // the columns of the input
  bool has_logprobs = false;
  std::vector<std::string> choices{};  // whose probabilities are told
};

struct BatchRow {
  int64_t index = 0;
  nlohmann::ordered_json item;
  std::optional<FilmSegment> segment{};
  std::string question;
  nlohmann::ordered_json columns;
  nlohmann::ordered_json answer;  // text, or the value that it is as JSON
  std::string stop;
  int64_t tokens = 0;
  nlohmann::ordered_json choices{};          // their probabilities, by choice
  nlohmann::ordered_json choice_logprobs{};  // the same, of each by itself
  nlohmann::ordered_json logprobs{};         // of the answer's tokens
  std::string warning;                       // what was not right with its files
  std::string error;                         // why there is no answer; empty where there is one
  nlohmann::ordered_json line{};  // all of it as it is written, where that is not owl3's own form
};

/// The "id" of a row in the form of OpenAI's Batch, by which its index is known again.
std::string request_id_of(int64_t index);

/// What stands above all rows: of CSV the names of its columns.
std::string header_of(const BatchLayout& layout);
/// With its line end.
std::string line_of(const BatchRow& row, const BatchLayout& layout);

/// What a line says of itself. Throws InputError "<where>: ..." for a line that is no row.
struct BatchLine {
  int64_t index = 0;
  bool failed = false;
};
BatchLine read_line(std::string_view line, BatchFormat format, const std::string& where);

/// The answer of a line, as text; nothing where it has none. The header is that of its file.
std::optional<std::string> answer_text(std::string_view line, BatchFormat format,
                                       std::string_view header);
/// A value that is JSON as text, and text as it is.
std::string plain_text(const nlohmann::ordered_json& json);

/// Behind the line that begins at `begin`; npos where the text ends before it does.
size_t line_end(std::string_view text, size_t begin, BatchFormat format);

}  // namespace owl3
