// Fuzzes training files and their rows. InputError is the only way out; a sample that comes through
// has as many media as marks, and something to learn; a list that a JSON parser reads has the rows
// that the parser finds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "core/zero_byte.h"
#include "training_data/row_index.h"
#include "training_data/sample.h"

namespace {

using Json = nlohmann::json;

void parse(std::string_view row) {
  using owl3::MediaNewlines;
  for (const MediaNewlines newline :
       {MediaNewlines::kAsWritten, MediaNewlines::kAlways, MediaNewlines::kAuto}) {
    try {
      const owl3::Sample sample = owl3::parse_sample(row, "fuzz", {newline, {}});
      size_t marks = 0;
      for (const owl3::Message& message : sample.messages) {
        marks += owl3::count_media_marks(message.content);
      }
      const auto& learnt = sample.learnt;
      if (marks != sample.media.size() || learnt.size() != sample.messages.size() ||
          std::find(learnt.begin(), learnt.end(), true) == learnt.end()) {
        __builtin_trap();
      }
    } catch (const owl3::InputError&) {
      // Refused, as most inputs are.
    }
  }
}

/// The list that the file is, or nothing. The parser ends at a zero byte, whatever stands behind.
Json list_in(std::string_view file) {
  if (owl3::find_zero_byte(file) != file.npos) return {};
  try {
    Json json = Json::parse(file.begin(), file.end());
    return json.is_array() ? json : Json();
  } catch (const Json::exception&) {
    return {};
  }
}

void read_file(std::string_view file) {
  const Json expected = list_in(file);
  try {
    const owl3::RowIndex rows = owl3::RowIndex::of(file, "fuzz");
    if (!expected.is_null() && rows.size() != static_cast<int64_t>(expected.size())) {
      __builtin_trap();
    }
    for (int64_t i = 0; i < rows.size(); ++i) {
      const std::string_view row = rows.row(file, i);
      if (row.data() < file.data() || row.data() + row.size() > file.data() + file.size() ||
          rows.line(i) < 1) {
        __builtin_trap();
      }
      if (!expected.is_null() && Json::parse(row) != expected[static_cast<size_t>(i)]) {
        __builtin_trap();
      }
      parse(row);
    }
  } catch (const owl3::InputError&) {
    if (!expected.empty()) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse(text);
  read_file(text);
  return 0;
}
