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
  /// [height, width], 255 is opaque, not multiplied into the colours; empty where there is none.
  std::vector<uint8_t> alpha{};
  int orientation = 1;   // EXIF: 1..8, 1 is upright
  bool is_deep = false;  // of more than 8 bits, of which the high ones were taken
  /// What was not right, without the file's name; shown although.
  std::vector<std::string> warnings{};
};

/// Size and orientation as the header states them, not yet checked.
struct StoredSize {
  int64_t width = 0;
  int64_t height = 0;
  int orientation = 1;
};

/// What decoding may take of pixels and, in bytes, of memory: what the process may have, unless
/// given.
struct DecodeLimits {
  int64_t max_pixels = kMaxPixels;
  std::optional<int64_t> max_bytes{};
};

/// Each throws InputError.
StoredSize read_jpeg_size(Bytes bytes, const std::string& name);
StoredSize read_png_size(Bytes bytes, const std::string& name);
StoredSize read_webp_size(Bytes bytes, const std::string& name);
StoredSize read_gif_size(Bytes bytes, const std::string& name);
StoredSize read_tiff_size(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredSize read_jxl_size(Bytes bytes, const std::string& name);
/// Upright, as decode_heif() gives it; checked.
StoredSize read_heif_size(Bytes bytes, const std::string& name, const DecodeLimits& limits);

StoredImage decode_jpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_png(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_webp(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_gif(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_tiff(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_jxl(Bytes bytes, const std::string& name, const DecodeLimits& limits);
/// HEIC, AVIF: cropped, turned and mirrored already, which EXIF says once more beside.
StoredImage decode_heif(Bytes bytes, const std::string& name, const DecodeLimits& limits);
/// BMP and the other still formats of FFmpeg; palettes become RGB exactly.
StoredImage decode_with_ffmpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits);

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
