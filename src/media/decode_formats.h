// The decoders behind decode_image(), one per library. Each returns the pixels as they are stored
// and the orientation that the file states; none turns the image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"

namespace owl3 {

using Bytes = std::span<const std::byte>;

struct StoredImage {
  Image image;
  int orientation = 1;  // EXIF: 1..8, 1 is upright
  /// What was not right, without the file's name; shown although.
  std::vector<std::string> warnings{};
};

/// Size and orientation as the header states them, not yet checked.
struct StoredSize {
  int64_t width = 0;
  int64_t height = 0;
  int orientation = 1;
};
StoredSize read_jpeg_size(Bytes bytes, const std::string& name);
StoredSize read_png_size(Bytes bytes, const std::string& name);
StoredSize read_webp_size(Bytes bytes, const std::string& name);

StoredImage decode_jpeg(Bytes bytes, const std::string& name, int64_t max_pixels);
StoredImage decode_png(Bytes bytes, const std::string& name, int64_t max_pixels);
StoredImage decode_webp(Bytes bytes, const std::string& name, int64_t max_pixels);
/// GIF, BMP, TIFF, AVIF and the other still formats of FFmpeg; palettes become RGB exactly.
StoredImage decode_with_ffmpeg(Bytes bytes, const std::string& name, int64_t max_pixels);

/// Longest side accepted: what libpng allows too. It bounds the memory of resizing.
inline constexpr int64_t kMaxImageSide = 1'000'000;

/// Throws InputError for a size that no image has, or one above the limits.
void check_image_size(int64_t width, int64_t height, const std::string& name, int64_t max_pixels);
/// A black image, after checking its size: nothing is allocated for a wrong one.
Image make_image(int64_t width, int64_t height, const std::string& name, int64_t max_pixels);

}  // namespace owl3
