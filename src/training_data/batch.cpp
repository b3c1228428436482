#include "training_data/batch.h"

#include <cstring>

#include "media/content_hash.h"

namespace owl3 {

uint64_t image_hash_of(const Image& image) {
  const ContentHash hash = content_hash(image);
  uint64_t bits = 0;
  std::memcpy(&bits, hash.bytes.data(), sizeof bits);
  return bits;
}

}  // namespace owl3
