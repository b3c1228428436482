// Fuzzes Parquet files: every value of every column, some rows of them twice. InputError is the
// only way out.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.h"
#include "parquet/parquet_file.h"

namespace {

/// A run of missing values takes no room in a file: more rows would only take time.
constexpr int64_t kMostRows = 64;

void read_column(owl3::parquet::FieldReader reader, int64_t rows) {
  try {
    for (int64_t row = 0; row < rows; ++row) reader.at(row);
    if (rows > 0) reader.at(rows / 2);
  } catch (const owl3::InputError&) {
    // The other columns may be whole.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto file =
        owl3::parquet::ParquetFile::parse(std::as_bytes(std::span(data, size)), "fuzz");
    const int64_t rows = std::min(file->rows(), kMostRows);
    for (const std::string& column : file->columns()) read_column(file->reader(column), rows);
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
