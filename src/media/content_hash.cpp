#include "media/content_hash.h"

#include "core/sha.h"

namespace owl3 {

ContentHash content_hash(const Image& image) {
  const std::array<int32_t, 2> size = {image.width, image.height};
  Sha256 sha;
  sha.add(std::as_bytes(std::span(size)));
  sha.add(std::as_bytes(std::span(image.rgb)));
  return {sha.finish()};
}

}  // namespace owl3
