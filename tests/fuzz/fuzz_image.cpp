// Any bytes as an image file: decoded, or refused with an InputError, and nothing else.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.h"
#include "media/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kMaxPixels = 1 << 16;
  try {
    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    const owl3::DecodeOptions options{.max_pixels = kMaxPixels};
    const owl3::ImageSize header = owl3::image_size(bytes, "fuzz", options);
    const owl3::Image image = owl3::decode_image(bytes, "fuzz", options);
    OWL3_CHECK(image.width == header.width && image.height == header.height);
    OWL3_CHECK(image.width > 0 && image.height > 0 &&
               int64_t{image.width} * image.height <= kMaxPixels &&
               image.rgb.size() == static_cast<size_t>(image.width) * image.height * 3);
  } catch (const owl3::InputError&) {
    // refused: one of the two right answers
  }
  return 0;
}
