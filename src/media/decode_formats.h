// The decoders behind decode_image(). Each returns the pixels as they are stored and the
// orientation that the file states; none turns the image. Those of rarer formats: codecs.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "media/image_limits.h"

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

/// Each throws InputError.
StoredSize read_jpeg_size(Bytes bytes, const std::string& name);
StoredSize read_png_size(Bytes bytes, const std::string& name);
StoredSize read_webp_size(Bytes bytes, const std::string& name);
StoredSize read_gif_size(Bytes bytes, const std::string& name);

StoredImage decode_jpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_png(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_webp(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_gif(Bytes bytes, const std::string& name, const DecodeLimits& limits);

}  // namespace owl3
