// Transparency: what is known of it, and how a picture is shown that has some.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "media/image.h"

namespace owl3 {

/// Colours that were multiplied by alpha, as they were before: Pillow's arithmetic.
inline void divide_by_alpha(uint8_t* rgb, uint8_t alpha) {
  if (alpha == 0 || alpha == 255) return;
  for (int c = 0; c < 3; ++c) {
    rgb[c] = static_cast<uint8_t>(std::min(255, 255 * rgb[c] / alpha));
  }
}

/// A value, not multiplied by its alpha, with another behind it.
constexpr uint8_t laid_over(int value, int alpha, int behind) {
  return static_cast<uint8_t>((value * alpha + behind * (255 - alpha) + 127) / 255);
}

inline constexpr int kWhite = 255;

/// `count` pixels of four bytes to three and one.
void split_rgba(const uint8_t* rgba, size_t count, uint8_t* rgb, uint8_t* alpha);

/// The share of a picture that can be seen through, half-transparent pixels counting half: 0 to 1.
/// alpha: [height, width], 255 is opaque; empty where there is none.
double transparent_share(const std::vector<uint8_t>& alpha);

/// Lays the picture over a background. alpha: [height, width], not multiplied into the colours;
/// empty where there is none.
void lay_over(Image& image, const std::vector<uint8_t>& alpha, const Colour& background);

/// A warning where so much of a picture is transparent that people see another one than the model,
/// which is shown the colours stored there; else empty. Without the file's name.
std::string transparency_warning(const std::vector<uint8_t>& alpha);

}  // namespace owl3
