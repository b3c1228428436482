#include "media/encode_webp.h"

#include <webp/encode.h>

#include <memory>

#include "core/error.h"

namespace owl3 {

std::string encode_webp(const Image& image, float quality) {
  OWL3_CHECK(image.width > 0 && image.height > 0);
  OWL3_CHECK(image.rgb.size() == static_cast<size_t>(image.width) * image.height * 3);
  if (image.width > WEBP_MAX_DIMENSION || image.height > WEBP_MAX_DIMENSION) {
    throw InputError(fmt::format("a picture of {} x {} pixels is too large for WebP", image.width,
                                 image.height));
  }
  uint8_t* bytes = nullptr;
  const size_t size =
      WebPEncodeRGB(image.rgb.data(), image.width, image.height, image.width * 3, quality, &bytes);
  const std::unique_ptr<uint8_t, decltype(&WebPFree)> owner(bytes, WebPFree);
  if (size == 0) throw std::bad_alloc();  // nothing else is left that could go wrong
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace owl3
