// Any bytes as an image file: decoded, or refused with an InputError, and nothing else.
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "media/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kMaxPixels = 1 << 16;
  try {
    const owl3::Image image = owl3::decode_image({reinterpret_cast<const std::byte*>(data), size},
                                                 "fuzz", {.max_pixels = kMaxPixels});
    OWL3_CHECK(image.width > 0 && image.height > 0 &&
               int64_t{image.width} * image.height <= kMaxPixels &&
               image.rgb.size() == static_cast<size_t>(image.width) * image.height * 3);
  } catch (const owl3::InputError&) {
    // refused: one of the two right answers
  }
  return 0;
}
