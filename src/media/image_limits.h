// What an image may cost to decode, checked before anything is allocated for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "media/image.h"

namespace owl3 {

/// What decoding may take of pixels and, in bytes, of memory: what the process may have, unless
/// given.
struct DecodeLimits {
  int64_t max_pixels = kMaxPixels;
  std::optional<int64_t> max_bytes{};
};

/// Longest side accepted: what libpng allows too. It bounds the memory of resizing.
inline constexpr int64_t kMaxImageSide = 1'000'000;

/// Throws InputError for a size that no image has, for one above the limits, and for one whose
/// decoding takes more memory than there is: `bytes_per_pixel` at its peak, the RGB among them.
void check_image_size(int64_t width, int64_t height, const std::string& name,
                      const DecodeLimits& limits, int64_t bytes_per_pixel = 3);
/// A black image, after checking its size: nothing is allocated for a wrong one.
Image make_image(int64_t width, int64_t height, const std::string& name, const DecodeLimits& limits,
                 int64_t bytes_per_pixel = 3);

}  // namespace owl3
