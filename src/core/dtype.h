// Element types of tensors, and the conversions between them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace owl3 {

/// Plain types (int8: with scales of its own beside it), and ggml's block types (core/block_layouts.h): rows of weights in blocks of 32 or
/// 256 values that share scales.
enum class DType { kF32, kF16, kBF16, kI8, kQ8_0, kQ4_0, kQ4_K, kQ6_K };

/// Values in one block of the type: 1 for plain types.
int64_t block_values(DType dtype);
/// Bytes of one block of the type.
size_t block_bytes(DType dtype);
inline bool is_quantised(DType dtype) { return block_values(dtype) > 1; }
/// Bytes of one value of a plain type.
size_t size_of(DType dtype);
/// Bytes of `count` values, which must be whole blocks.
size_t bytes_of(DType dtype, int64_t count);

/// "float32", "float16", "bfloat16": the spelling of config.json's torch_dtype; "q8_0", "q4_k", ...:
/// that of GGUF's users.
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
