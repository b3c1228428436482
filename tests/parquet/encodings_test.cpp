// The parts of which pages are made, by hand: what no writer of tests/data/parquet writes any more,
// and claims of more than there is.
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "core/error.h"
#include "parquet/decompress.h"
#include "parquet/delta_decoder.h"
#include "parquet/run_decoder.h"
#include "parquet/value_decoder.h"
#include "parquet/value_json.h"

namespace owl3::parquet {

namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// The example of the standard: 0 to 7 in three bits each.
TEST(RunDecoder, ReadsPackedGroupsAndRuns) {
  const auto encoded = bytes({0x03, 0x88, 0xc6, 0xfa, 0x08, 0x05});
  RunDecoder decoder(encoded, 3);
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(decoder.next(), i);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(decoder.next(), 5U);
  EXPECT_THROW(decoder.next(), InputError);
  RunDecoder without_bits({}, 0);
  EXPECT_EQ(without_bits.next(), 0U);
  EXPECT_THROW(RunDecoder({}, 33), InputError);
}

/// The same example in the older order of bits.
TEST(PackedLevels, BeginAtTheHighestBit) {
  const auto encoded = bytes({0x05, 0x39, 0x77});
  PackedLevels levels(encoded, 3);
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(levels.next(), i);
  EXPECT_THROW(levels.next(), InputError);
}

/// The examples of the standard.
TEST(DeltaDecoder, AddsUpDifferences) {
  const auto even = bytes({0x80, 0x01, 0x04, 0x05, 0x02, 0x02, 0, 0, 0, 0, 0x77});
  DeltaDecoder ascending(even);
  EXPECT_EQ(ascending.end_position(), 10U);
  for (int64_t i = 1; i <= 5; ++i) EXPECT_EQ(ascending.next(), i);
  EXPECT_THROW(ascending.next(), InputError);
  const auto jumps =
      bytes({0x80, 0x01, 0x04, 0x08, 0x0e, 0x03, 2, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0});
  DeltaDecoder decoder(jumps);
  for (const int64_t i : {7, 5, 3, 1, 2, 3, 4, 5}) EXPECT_EQ(decoder.next(), i);
}

TEST(DeltaDecoder, BelievesNoHead) {
  // Two to the sixty numbers without a difference, of which each block takes five bytes.
  auto endless = bytes({0x80, 0x01, 0x04, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10,
                        0x02, 0x02, 0, 0, 0, 0});
  EXPECT_THROW(DeltaDecoder(endless).end_position(), InputError);
  EXPECT_THROW(DeltaDecoder(bytes({0x00, 0x04, 0x05, 0x02})), InputError);
  EXPECT_THROW(DeltaDecoder(bytes({0x80, 0x01, 0x00, 0x05, 0x02})), InputError);
}

TEST(Decompress, TakesNoMoreThanComesOut) {
  std::vector<std::byte> zeros(1 << 20);
  std::vector<std::byte> packed(ZSTD_compressBound(zeros.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), zeros.data(), zeros.size(), 1));
  EXPECT_EQ(decompress(Codec::kZstd, packed, zeros.size()), zeros);
  EXPECT_THROW(decompress(Codec::kZstd, packed, zeros.size() - 1), InputError);
  EXPECT_THROW(decompress(Codec::kZstd, packed, zeros.size() + 1), InputError);
  EXPECT_THROW(decompress(Codec::kZstd, std::span(packed).first(packed.size() - 1), zeros.size()),
               InputError);
  std::vector<std::byte> deflated(compressBound(zeros.size()));
  uLongf size = deflated.size();
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(deflated.data()), &size,
                     reinterpret_cast<const Bytef*>(zeros.data()), zeros.size()),
            Z_OK);
  deflated.resize(size);
  EXPECT_EQ(decompress(Codec::kGzip, deflated, zeros.size()), zeros);
  EXPECT_THROW(decompress(Codec::kGzip, deflated, zeros.size() - 1), InputError);
  EXPECT_THROW(decompress(Codec::kGzip, deflated, zeros.size() + 1), InputError);
  EXPECT_THROW(decompress(Codec::kGzip, {}, 1), InputError);
  // Snappy's length says a gigabyte.
  EXPECT_THROW(decompress(Codec::kSnappy, bytes({0x80, 0x80, 0x80, 0x80, 0x04, 0x00}), 1 << 30),
               InputError);
}

std::string text_of(const ValueType& type, int64_t value) {
  return json_of(type, {reinterpret_cast<const char*>(&value), sizeof(value)}).get<std::string>();
}

TEST(ValueJson, TellsTimesAsTexts) {
  ValueType type;
  type.physical = PhysicalType::kInt64;
  type.kind = ValueKind::kTimestamp;
  type.units_per_second = 1'000'000'000;
  EXPECT_EQ(text_of(type, -1), "1969-12-31T23:59:59.999999999");
  type.utc = true;
  EXPECT_EQ(text_of(type, 951'782'400'000'000'000), "2000-02-29T00:00:00Z");
  type.units_per_second = 1'000;
  EXPECT_EQ(text_of(type, std::numeric_limits<int64_t>::min()), "-292275055-05-16T16:47:04.192Z");
  type.kind = ValueKind::kDecimal;
  type.scale = 3;
  EXPECT_EQ(text_of(type, -1), "-0.001");
  EXPECT_EQ(text_of(type, std::numeric_limits<int64_t>::min()), "-9223372036854775.808");
  type.scale = 0;
  EXPECT_EQ(text_of(type, 0), "0");
  const auto spark =
      bytes({0x00, 0xa0, 0x72, 0x4e, 0x18, 0x09, 0x00, 0x00, 0x8c, 0x3d, 0x25, 0x00});
  const std::string_view stored(reinterpret_cast<const char*>(spark.data()), spark.size());
  EXPECT_EQ(json_of({.physical = PhysicalType::kInt96, .kind = ValueKind::kInt96Timestamp}, stored),
            "1970-01-01T02:46:40");
  const ValueType half{.physical = PhysicalType::kFixedLengthByteArray,
                       .fixed_length = 2,
                       .kind = ValueKind::kFloat16};
  EXPECT_EQ(json_of(half, std::string_view("\x00\x3e", 2)), 1.5);
  EXPECT_EQ(json_of(half, std::string_view("\x01\x80", 2)), -std::ldexp(1, -24));
}

TEST(ValueDecoder, NamesWhatItDoesNotRead) {
  for (const auto& [encoding, part] :
       {std::pair(Encoding::kDeltaBinaryPacked, "DELTA_BINARY_PACKED"),
        std::pair(static_cast<Encoding>(17), "the encoding 17")}) {
    try {
      make_value_decoder(encoding, {.physical = PhysicalType::kByteArray}, {}, {});
      FAIL();
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace owl3::parquet
