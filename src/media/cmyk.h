// CMYK as RGB, as Pillow does it: without colour profiles.
#pragma once

#include <cstdint>

namespace owl3 {

/// a * b / 255, rounded, exact for 8-bit values.
constexpr int multiply_255(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

/// 255 is full ink.
inline void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb) {
  const int paper = 255 - cmyk[3];
  for (int c = 0; c < 3; ++c) {
    rgb[c] = static_cast<uint8_t>(paper - multiply_255(cmyk[c], paper));
  }
}

}  // namespace owl3
