// The layouts of ggml's block types, byte for byte as GGUF files hold them (little-endian).
//
// A row of weights is a run of blocks; d and dmin are IEEE half precision. Plain structs only: the
// kernels, compiled per instruction set, include this file too.
#pragma once

#include <cstdint>

namespace owl3 {

/// 32 values: d * qs[j].
struct BlockQ8_0 {
  uint16_t d;
  int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

/// 32 values: d * (q - 8); value j is the low nibble of qs[j], value 16 + j its high nibble.
struct BlockQ4_0 {
  uint16_t d;
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

/// 256 values in 8 groups of 32, group g: d * scale[g] * q - dmin * min[g]. Bytes 32 p to 32 p + 31
/// of qs hold group 2 p in their low nibbles and group 2 p + 1 in their high ones. Scales and mins
/// have 6 bits: g < 4 those of scales[g] and scales[g + 4]; g >= 4 have their low 4 bits in
/// scales[g + 4] (scale low, min high nibble), their high 2 in the top bits of scales[g - 4] and
/// scales[g].
struct BlockQ4_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

/// 256 values in 16 groups of 16, group g: d * scales[g] * (q - 32). Values 128 h + 32 p + j
/// (h < 2, p < 4, j < 32) have their low 4 bits in ql[64 h + 32 (p mod 2) + j], in the low nibble
/// for p < 2 and the high one else, and their high 2 bits in bits 2 p and 2 p + 1 of qh[32 h + j].
struct BlockQ6_K {
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210);

}  // namespace owl3
