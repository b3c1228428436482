// Parquet files that are cut off, or damaged in any byte: an error of one line, and nothing else.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "parquet_json.h"

namespace owl3::test {

namespace {

std::vector<char> bytes_of(const std::filesystem::path& name) {
  std::ifstream file(std::filesystem::path(OWL3_TEST_DATA "/parquet") / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What is wrong with a file; empty where nothing is.
std::string error_of(std::span<const char> bytes) {
  try {
    rows_of(*parquet::ParquetFile::parse(std::as_bytes(bytes), "file"));
    return "";
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with("file: ")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
}

const char* const kFiles[] = {"arrow-rs-v1-snappy.parquet", "arrow-rs-v2-delta.parquet",
                              "duckdb-v1-gzip.parquet", "duckdb-v2-zstd.parquet"};

TEST(DamagedParquet, CutOffAnywhere) {
  for (const char* name : kFiles) {
    const auto whole = bytes_of(name);
    for (size_t size = 0; size < whole.size(); ++size) {
      // In memory of just that size, so that a sanitizer sees what is read beyond it.
      const std::vector<char> part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_NE(error_of(part), "") << name << ", " << size;
    }
    EXPECT_EQ(error_of(whole), "");
  }
}

TEST(DamagedParquet, ABiteTakenOutAnywhere) {
  for (const char* name : kFiles) {
    const auto whole = bytes_of(name);
    for (size_t begin = 4; begin + 16 < whole.size(); begin += 5) {
      auto bitten = whole;
      const auto from = bitten.begin() + static_cast<ptrdiff_t>(begin);
      bitten.erase(from, from + 7);
      error_of(bitten);
    }
  }
}

TEST(DamagedParquet, AnyByteChanged) {
  for (const char* name : {"v1-snappy", "v1-gzip", "v2-plain", "v2-zstd"}) {
    auto bytes =
        bytes_of(fmt::format("{}/tests/fuzz/corpus/parquet/{}.parquet", OWL3_SOURCE_DIR, name));
    EXPECT_EQ(error_of(bytes), "") << name;
    for (char& byte : bytes) {
      const char right = byte;
      for (const int change : {0x01, 0x80, 0xff}) {
        byte = static_cast<char>(right ^ change);
        error_of(bytes);
      }
      byte = right;
    }
  }
}

}  // namespace
}  // namespace owl3::test
