// Element types of tensors, and the conversions between them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace owl3 {

enum class DType { kF32, kF16, kBF16 };

size_t size_of(DType dtype);

/// "float32", "float16", "bfloat16": the spelling of config.json's torch_dtype.
std::string_view name_of(DType dtype);

/// bfloat16: the upper half of a float32.
struct bf16 {
  uint16_t bits = 0;

  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }

  /// Round to nearest, ties to even; NaN stays NaN.
  static bf16 from_float(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    if ((u & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((u >> 16) | 0x40u)};
    return {static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
  }
};

/// IEEE half precision.
struct f16 {
  uint16_t bits = 0;

  explicit operator float() const;
  static f16 from_float(float value);
};

}  // namespace owl3
