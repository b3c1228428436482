// Blocks decoded against values computed here from the formats' definition, byte by byte, and the
// quantisers' quality held in tight bounds.
#include "formats/quantise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "core/threads.h"

namespace owl3 {
namespace {

using Bytes = std::vector<uint8_t>;

std::vector<float> decoded(DType type, const Bytes& bytes) {
  const auto blocks = static_cast<int64_t>(bytes.size() / block_bytes(type));
  std::vector<float> x(static_cast<size_t>(blocks * block_values(type)));
  dequantise(type, bytes.data(), x.data(), static_cast<int64_t>(x.size()));
  return x;
}

Bytes encoded(DType type, const std::vector<float>& x) {
  const auto n = static_cast<int64_t>(x.size());
  Bytes bytes(bytes_of(type, n), 0xee);
  quantise(type, x.data(), bytes.data(), n);
  return bytes;
}

std::vector<float> round_trip(DType type, const std::vector<float>& x) {
  return decoded(type, encoded(type, x));
}

/// Root mean square of the error, relative to that of the values.
double relative_error(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0;
  double size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += std::pow(double{x[i]} - double{y[i]}, 2);
    size += std::pow(double{x[i]}, 2);
  }
  return std::sqrt(error / size);
}

std::vector<float> gaussian(size_t n, float mean = 0, float deviation = 0.02f) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> x(n);
  for (float& value : x) value = normal(random);
  return x;
}

void append_half(Bytes& bytes, uint16_t bits) {
  bytes.push_back(static_cast<uint8_t>(bits & 255));
  bytes.push_back(static_cast<uint8_t>(bits >> 8));
}

constexpr uint16_t kHalfOfQuarter = 0x3400;     // 0.25
constexpr uint16_t kHalfOfEighth = 0x3000;      // 0.125
constexpr uint16_t kHalfOfMinusThree = 0xc200;  // -3
constexpr uint16_t kHalfOfSixteenth = 0x2c00;   // 0.0625
constexpr uint16_t kHalfSubnormal = 0x0003;     // 3 * 2^-24

TEST(Dequantise, Q8_0IsScaleTimesSignedByte) {
  Bytes block;
  append_half(block, kHalfOfQuarter);
  for (int j = 0; j < 32; ++j) block.push_back(static_cast<uint8_t>(8 * j - 128));
  const auto x = decoded(DType::kQ8_0, block);
  for (int j = 0; j < 32; ++j) EXPECT_EQ(x[static_cast<size_t>(j)], 0.25 * (8 * j - 128)) << j;
}

TEST(Dequantise, Q4_0HasItsFirstHalfInLowNibbles) {
  Bytes block;
  append_half(block, kHalfOfMinusThree);
  for (int j = 0; j < 16; ++j) block.push_back(static_cast<uint8_t>(j | (15 - j) << 4));
  const auto x = decoded(DType::kQ4_0, block);
  for (int j = 0; j < 16; ++j) {
    EXPECT_EQ(x[static_cast<size_t>(j)], -3.0 * (j - 8)) << j;
    EXPECT_EQ(x[static_cast<size_t>(j + 16)], -3.0 * (7 - j)) << j;
  }
}

TEST(Dequantise, Q4_KHasSixBitScalesAndMins) {
  // Scales 1, 22, 43, 63, 17, 34, 51, 62 and mins 63, 40, 20, 2, 33, 50, 16, 15, packed by hand.
  Bytes block;
  append_half(block, kHalfOfEighth);
  append_half(block, kHalfOfSixteenth);
  const Bytes scales = {
      0b01'000001, 0b10'010110, 0b11'101011, 0b11'111111,  // 17, 34, 51, 62 have tops 1, 2, 3, 3
      0b10'111111, 0b11'101000, 0b01'010100, 0b00'000010,  // 33, 50, 16, 15 have tops 2, 3, 1, 0
      0b0001'0001, 0b0010'0010, 0b0000'0011, 0b1111'1110};
  block.insert(block.end(), scales.begin(), scales.end());
  for (int i = 0; i < 128; ++i) block.push_back(static_cast<uint8_t>(37 * i + 11));
  const auto x = decoded(DType::kQ4_K, block);

  const int scale[8] = {1, 22, 43, 63, 17, 34, 51, 62};
  const int min[8] = {63, 40, 20, 2, 33, 50, 16, 15};
  for (int i = 0; i < 256; ++i) {
    const int byte = (37 * (32 * (i / 64) + i % 32) + 11) % 256;
    const int q = i / 32 % 2 == 0 ? byte % 16 : byte / 16;
    const double expected = 0.125 * scale[i / 32] * q - 0.0625 * min[i / 32];
    EXPECT_EQ(x[static_cast<size_t>(i)], expected) << i;
  }
}

TEST(Dequantise, Q6_KJoinsFourBitsAndTwo) {
  Bytes block;
  for (int i = 0; i < 128; ++i) block.push_back(static_cast<uint8_t>(29 * i + 5));
  for (int i = 0; i < 64; ++i) block.push_back(static_cast<uint8_t>(91 * i + 3));
  for (int g = 0; g < 16; ++g) block.push_back(static_cast<uint8_t>(17 * g - 128));
  append_half(block, kHalfSubnormal);
  const auto x = decoded(DType::kQ6_K, block);

  for (int i = 0; i < 256; ++i) {
    const int quarter = i % 128 / 32;  // of 128 values: low 0, low 1, high 0, high 1
    const int low_byte = (29 * (64 * (i / 128) + 32 * (quarter % 2) + i % 32) + 5) % 256;
    const int low = quarter < 2 ? low_byte % 16 : low_byte / 16;
    const int high = (91 * (32 * (i / 128) + i % 32) + 3) % 256 / (1 << 2 * quarter) % 4;
    const double expected = 0x3p-24 * (17 * (i / 16) - 128) * (low + 16 * high - 32);
    EXPECT_EQ(x[static_cast<size_t>(i)], expected) << i;
  }
}

TEST(Dequantise, PlainTypesAreWidened) {
  const Bytes bytes = {0x80, 0x3f, 0x00, 0xc0};
  EXPECT_EQ(decoded(DType::kBF16, bytes), (std::vector<float>{1, -2}));
  EXPECT_EQ(decoded(DType::kF16, bytes), (std::vector<float>{1.875f, -2}));
  EXPECT_EQ(decoded(DType::kF32, {0, 0, 0x80, 0x3f}), (std::vector<float>{1}));
}

TEST(Quantise, Q8_0OfIntegersIsExact) {
  std::vector<float> x(32);
  std::iota(x.begin(), x.end(), -15.0f);
  x[0] = -127;  // so that the scale is 1
  const Bytes bytes = encoded(DType::kQ8_0, x);
  EXPECT_EQ(bytes[0] | bytes[1] << 8, 0x3c00);
  for (size_t j = 0; j < 32; ++j) EXPECT_EQ(static_cast<int8_t>(bytes[2 + j]), x[j]);
}

TEST(Quantise, WhatFourOrSixBitsCanSayIsExact) {
  std::vector<float> x(256);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.5f * static_cast<float>((7 * i) % 16) - 4;
  EXPECT_EQ(round_trip(DType::kQ4_0, x), x);  // every q of -8..7 occurs in each block
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = 0.5f * (i % 16 == 3 ? -32 : static_cast<float>(i % 31));
  EXPECT_EQ(round_trip(DType::kQ6_K, x), x);
}

struct Quality {
  DType type;
  double gaussian;  // relative error, measured 0.535 %, 1.727 %, 7.34 %, 8.09 %
  double shifted;   // the same about a mean of half a deviation
};

class Quantised : public testing::TestWithParam<Quality> {};

TEST_P(Quantised, KeepsGaussianWeightsWithinItsBits) {
  const auto x = gaussian(1 << 18);
  const double error = relative_error(x, round_trip(GetParam().type, x));
  EXPECT_LT(error, GetParam().gaussian);
  EXPECT_GT(error, 0.9 * GetParam().gaussian) << "better than thought: tighten the bound";
}

TEST_P(Quantised, IsIndifferentToTheWeightsSize) {
  const double error = GetParam().gaussian;
  for (const float deviation : {0.002f, 1.0f, 3000.0f}) {
    const auto x = gaussian(1 << 14, 0, deviation);
    EXPECT_LT(relative_error(x, round_trip(GetParam().type, x)), 1.02 * error) << deviation;
  }
}

TEST_P(Quantised, KeepsShiftedWeights) {
  const auto x = gaussian(1 << 16, 0.01f);
  EXPECT_LT(relative_error(x, round_trip(GetParam().type, x)), GetParam().shifted);
}

TEST_P(Quantised, ZerosStayZeros) {
  const std::vector<float> zeros(512, 0.0f);
  EXPECT_EQ(round_trip(GetParam().type, zeros), zeros);
}

TEST_P(Quantised, ConstantsStayNearlyWhatTheyAre) {
  for (const float value : {0.37f, -0.37f, 65504.0f, -65504.0f}) {
    const std::vector<float> constant(512, value);
    EXPECT_LT(relative_error(constant, round_trip(GetParam().type, constant)), 0.011) << value;
  }
}

TEST_P(Quantised, ALargeOutlierIsKept) {
  auto x = gaussian(512);
  x[100] = 50;
  x[300] = -50;
  const auto y = round_trip(GetParam().type, x);
  EXPECT_NEAR(y[100], 50, 0.7);
  EXPECT_NEAR(y[300], -50, 0.7);
  for (const float value : y) EXPECT_TRUE(std::isfinite(value));
}

TEST_P(Quantised, ValuesTooSmallForAScaleBecomeZerosNotNonsense) {
  for (const float value : {1e-9f, -1e-9f, 1e-30f, 1e-42f}) {
    std::vector<float> x(512, value);
    x[7] = -value;
    for (const float decoded_value : round_trip(GetParam().type, x)) {
      EXPECT_LE(std::fabs(decoded_value), 1e-6f) << value;
    }
  }
}

TEST_P(Quantised, ABlocksBytesDependOnItsValuesAlone) {
  const DType type = GetParam().type;
  const auto x = gaussian(256 * 21);
  const Bytes whole = encoded(type, x);
  Bytes pieces(whole.size());
  parallel_for(3, 21, [&](int64_t piece) {
    quantise(type, x.data() + 256 * piece, pieces.data() + bytes_of(type, 256 * piece), 256);
  });
  EXPECT_EQ(pieces, whole);
}

INSTANTIATE_TEST_SUITE_P(Types, Quantised,
                         testing::Values(Quality{DType::kQ8_0, 0.0054, 0.0054},
                                         Quality{DType::kQ6_K, 0.0174, 0.0174},
                                         Quality{DType::kQ4_K, 0.0740, 0.0720},
                                         Quality{DType::kQ4_0, 0.0815, 0.0815}),
                         [](const auto& test) { return std::string(name_of(test.param.type)); });

}  // namespace
}  // namespace owl3
