// All 65536 values of each 16-bit type, and rounding held against exact arithmetic in double.
#include "core/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace owl3 {
namespace {

/// The value of a binary float with the given field widths, by its definition.
double value_of(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const int exponent = static_cast<int>((bits >> mantissa_bits) & ((1u << exponent_bits) - 1));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (bits >> (exponent_bits + mantissa_bits)) & 1 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(mantissa + (1u << mantissa_bits), exponent - bias - mantissa_bits);
}

struct Format {
  int exponent_bits;
  int mantissa_bits;
};
template <typename T>
constexpr Format kFormat;
template <>
constexpr Format kFormat<bf16> = {8, 7};
template <>
constexpr Format kFormat<f16> = {5, 10};

template <typename T>
class HalfType : public testing::Test {};
using HalfTypes = testing::Types<bf16, f16>;
TYPED_TEST_SUITE(HalfType, HalfTypes);

TYPED_TEST(HalfType, WidensEveryValueExactly) {
  constexpr Format format = kFormat<TypeParam>;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto value = static_cast<float>(TypeParam{static_cast<uint16_t>(bits)});
    const double expected = value_of(bits, format.exponent_bits, format.mantissa_bits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else {
      ASSERT_EQ(value, expected) << bits;
      ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    }
  }
}

TYPED_TEST(HalfType, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const TypeParam value{static_cast<uint16_t>(bits)};
    const TypeParam back = TypeParam::from_float(static_cast<float>(value));
    if (std::isnan(static_cast<float>(value))) {
      ASSERT_TRUE(std::isnan(static_cast<float>(back))) << bits;
    } else {
      ASSERT_EQ(back.bits, bits);
    }
  }
}

TYPED_TEST(HalfType, RoundsToNearestTiesToEven) {
  constexpr Format format = kFormat<TypeParam>;
  const uint32_t infinity = ((1u << format.exponent_bits) - 1) << format.mantissa_bits;
  for (uint32_t bits = 0; bits + 1 < infinity; ++bits) {
    const double low = value_of(bits, format.exponent_bits, format.mantissa_bits);
    const double high = value_of(bits + 1, format.exponent_bits, format.mantissa_bits);
    const auto middle = static_cast<float>((low + high) / 2);  // exact: one bit more
    const uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(TypeParam::from_float(middle).bits, even);
    ASSERT_EQ(TypeParam::from_float(-middle).bits, even | 0x8000u);
    ASSERT_EQ(TypeParam::from_float(std::nextafter(middle, 0.0f)).bits, bits);
    ASSERT_EQ(TypeParam::from_float(std::nextafter(middle, HUGE_VALF)).bits, bits + 1);
  }
}

TEST(DType, ValuesBeyondTheRangeBecomeInfinity) {
  EXPECT_EQ(f16::from_float(65519.996f).bits, 0x7bffu);
  EXPECT_EQ(f16::from_float(65520.0f).bits, 0x7c00u);
  EXPECT_EQ(f16::from_float(-1e30f).bits, 0xfc00u);
  EXPECT_EQ(bf16::from_float(std::numeric_limits<float>::max()).bits, 0x7f80u);
  EXPECT_EQ(bf16::from_float(-std::numeric_limits<float>::infinity()).bits, 0xff80u);
}

TEST(DType, KnowsItsSizesAndNames) {
  EXPECT_EQ(size_of(DType::kF32), 4u);
  EXPECT_EQ(size_of(DType::kF16), 2u);
  EXPECT_EQ(size_of(DType::kBF16), 2u);
  EXPECT_THROW(size_of(DType::kQ8_0), InternalError);
  EXPECT_EQ(bytes_of(DType::kBF16, 5), 10u);
  EXPECT_EQ(bytes_of(DType::kQ8_0, 64), 68u);
  EXPECT_EQ(bytes_of(DType::kQ4_0, 64), 36u);
  EXPECT_EQ(bytes_of(DType::kQ4_K, 512), 288u);
  EXPECT_EQ(bytes_of(DType::kQ6_K, 512), 420u);
  EXPECT_THROW(bytes_of(DType::kQ4_K, 32), InternalError);
  EXPECT_EQ(name_of(DType::kF32), "float32");
  EXPECT_EQ(name_of(DType::kF16), "float16");
  EXPECT_EQ(name_of(DType::kBF16), "bfloat16");
  EXPECT_EQ(name_of(DType::kQ4_K), "q4_k");
}

}  // namespace
}  // namespace owl3
