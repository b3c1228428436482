#include "core/checksum.h"

#include <xxhash.h>

#include <algorithm>

namespace owl3 {

Checksum checksum_of(std::span<const std::byte> bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Checksum checksum;
  std::copy_n(canonical.digest, checksum.size(), checksum.begin());
  return checksum;
}

}  // namespace owl3
