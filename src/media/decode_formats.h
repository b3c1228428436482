// The decoders behind decode_image(), one per library. Each returns the pixels as they are stored
// and the orientation that the file states; none turns the image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "media/image.h"

namespace owl3 {

using Bytes = std::span<const std::byte>;

struct StoredImage {
  Image image;
  int orientation = 1;  // EXIF: 1..8, 1 is upright
};

StoredImage decode_jpeg(Bytes bytes, const std::string& name, int64_t max_pixels);
StoredImage decode_png(Bytes bytes, const std::string& name, int64_t max_pixels);
StoredImage decode_webp(Bytes bytes, const std::string& name, int64_t max_pixels);
/// GIF, BMP, TIFF, AVIF and the other still formats of FFmpeg; palettes become RGB exactly.
StoredImage decode_with_ffmpeg(Bytes bytes, const std::string& name, int64_t max_pixels);

/// Longest side accepted: what libpng allows too. It bounds the memory of resizing.
inline constexpr int64_t kMaxImageSide = 1'000'000;

/// A black image, after checking its size: throws InputError before anything is allocated.
Image make_image(int64_t width, int64_t height, const std::string& name, int64_t max_pixels);

}  // namespace owl3
