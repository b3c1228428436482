// Values to the integers and scales of blocks, one block at a time: what writes files and what
// prepares weights round alike. Plain arithmetic, which vectorises, the same on every machine.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/block_layouts.h"
#include "core/dtype.h"

namespace owl3::rounding {

/// The nearest integer, ties to even, for |x| < 2^22.
inline float nearest(float x) {
  constexpr float kMagic = 0x1.8p23f;
  return (x + kMagic) - kMagic;
}

inline float clamped(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/// 1 / x; 0 where x is 0 or so small that no stored scale could tell it from 0.
inline float inverse_of(float x) {
  return std::fabs(x) > 1e-20f ? 1.0f / x : 0.0f;
}

inline constexpr float kLargestHalf = 65504.0f;

inline uint16_t half_bits(float x) {
  return f16::from_float(clamped(x, -kLargestHalf, kLargestHalf)).bits;
}

inline float half(uint16_t bits) {
  return static_cast<float>(f16{bits});
}

/// 32 finite values, by the largest magnitude among them.
inline void encode(const float* x, BlockQ8_0& block) {
  float largest = 0;
  for (int j = 0; j < 32; ++j) largest = std::max(largest, std::fabs(x[j]));
  block.d = half_bits(largest / 127);
  const float inverse = inverse_of(half(block.d));
  for (int j = 0; j < 32; ++j) {
    block.qs[j] = static_cast<int8_t>(clamped(nearest(x[j] * inverse), -127, 127));
  }
}

}  // namespace owl3::rounding
