// Files of other writers (tests/data/parquet), against what they were given to write.
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "parquet_json.h"

namespace owl3::test {

namespace {

const std::string kFolder = OWL3_TEST_DATA "/parquet/";

std::vector<Json> expected(const std::string& name) {
  std::ifstream file(kFolder + name);
  std::vector<Json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(Json::parse(line));
  return rows;
}

std::string error_of(const std::string& name) {
  try {
    rows_of(*parquet::ParquetFile::open(kFolder + name));
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

class EveryWriter : public testing::TestWithParam<const char*> {};

TEST_P(EveryWriter, WroteWhatIsRead) {
  const auto file = parquet::ParquetFile::open(kFolder + GetParam() + ".parquet");
  const auto rows = rows_of(*file);
  const bool has_kinds = std::string(GetParam()).starts_with("duckdb");
  const auto wanted = expected(has_kinds ? "kinds.jsonl" : "rows.jsonl");
  ASSERT_EQ(rows.size(), wanted.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& [column, value] : rows[i].items()) {
      EXPECT_EQ(value, wanted[i].at(column)) << "row " << i << ", " << column;
    }
  }
  EXPECT_GE(rows[0].size(), 7U);
}

INSTANTIATE_TEST_SUITE_P(Parquet, EveryWriter,
                         testing::Values("arrow-rs-v1-snappy", "arrow-rs-v2-zstd",
                                         "arrow-rs-v1-plain-gzip", "arrow-rs-v2-delta",
                                         "arrow-rs-pages-v1", "arrow-rs-pages-v2",
                                         "duckdb-v1-snappy", "duckdb-v1-gzip", "duckdb-v2-zstd",
                                         "duckdb-v2-uncompressed", "hyparquet"));

/// Pages of some values, and row groups of fifteen rows.
TEST(ParquetFile, AnyRowIsReadAtAnyTime) {
  const auto wanted = expected("rows.jsonl");
  for (const char* name : {"arrow-rs-pages-v1", "arrow-rs-pages-v2", "hyparquet"}) {
    const auto file = parquet::ParquetFile::open(kFolder + name + ".parquet");
    for (const std::string& column : file->columns()) {
      parquet::FieldReader reader = file->reader(column);
      for (const size_t row : {39, 3, 4, 11, 14, 15, 15, 29, 2, 30, 38}) {
        EXPECT_EQ(comparable(reader.at(static_cast<int64_t>(row))), wanted[row].at(column))
            << name << ", row " << row << ", " << column;
      }
    }
  }
}

TEST(ParquetFile, WhatIsNotReadIsNamed) {
  EXPECT_NE(
      error_of("arrow-rs-brotli.parquet").find("is compressed with Brotli, which is not read"),
      std::string::npos);
  EXPECT_NE(error_of("arrow-rs-lz4-raw.parquet").find("is compressed with LZ4_RAW"),
            std::string::npos);
  EXPECT_NE(error_of("duckdb-encrypted.parquet").find("is encrypted"), std::string::npos);
  EXPECT_NE(error_of("rows.jsonl").find("rows.jsonl: is no Parquet file"), std::string::npos);
  EXPECT_NE(error_of("gone.parquet").find("gone.parquet"), std::string::npos);
  const auto file = parquet::ParquetFile::open(kFolder + "hyparquet.parquet");
  try {
    file->reader("sentence");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("has no column \"sentence\" (its columns are id, "),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace owl3::test
