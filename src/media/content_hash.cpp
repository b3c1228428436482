#include "media/content_hash.h"

extern "C" {
#include <libavutil/mem.h>
#include <libavutil/sha.h>
}

#include <memory>

#include "core/error.h"

namespace owl3 {

ContentHash content_hash(const Image& image) {
  const std::unique_ptr<AVSHA, void (*)(void*)> sha(allocated(av_sha_alloc()), av_free);
  av_sha_init(sha.get(), 256);
  const std::array<int32_t, 2> size = {image.width, image.height};
  av_sha_update(sha.get(), reinterpret_cast<const uint8_t*>(size.data()), sizeof(size));
  av_sha_update(sha.get(), image.rgb.data(), image.rgb.size());
  ContentHash hash;
  av_sha_final(sha.get(), hash.bytes.data());
  return hash;
}

}  // namespace owl3
