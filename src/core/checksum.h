// Checksums that find every damage to data, at the speed of memory: XXH3, 128 bits, by xxHash. They
// are no defence against somebody who makes data to fit; where that matters, sha.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace owl3 {

/// In xxHash's canonical form, the same on every machine.
using Checksum = std::array<uint8_t, 16>;

Checksum checksum_of(std::span<const std::byte> bytes);

}  // namespace owl3
