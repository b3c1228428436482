// Rows of Parquet files as one can compare them: bytes as {"binary": "ff00"}.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "parquet/parquet_file.h"

namespace owl3::test {

using Json = nlohmann::ordered_json;

inline Json comparable(const Json& value) {
  if (value.is_binary()) {
    return {{"binary", fmt::format("{:02x}", fmt::join(value.get_binary(), ""))}};
  }
  Json result = value;
  if (value.is_structured()) {
    for (auto& [key, child] : result.items()) child = comparable(child);
  }
  return result;
}

inline std::vector<Json> rows_of(const parquet::ParquetFile& file) {
  std::vector<Json> rows(static_cast<size_t>(file.rows()), Json::object());
  for (const std::string& column : file.columns()) {
    parquet::FieldReader reader = file.reader(column);
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i][column] = comparable(reader.at(static_cast<int64_t>(i)));
    }
  }
  return rows;
}

}  // namespace owl3::test
