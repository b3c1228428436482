// Content hashes of images: the key under which visual memory keeps what it computed.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "media/image.h"

namespace owl3 {

/// SHA-256 of size and pixels. Cryptographic, so that no crafted image can take another's place.
struct ContentHash {
  std::array<uint8_t, 32> bytes;
  auto operator<=>(const ContentHash&) const = default;
};

ContentHash content_hash(const Image& image);

}  // namespace owl3
