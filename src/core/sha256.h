// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace owl3 {

class Sha256 {
 public:
  using Digest = std::array<uint8_t, 32>;

  void add(std::span<const std::byte> bytes);
  /// Of all that was added. Once, at the end.
  Digest finish();

 private:
  void mix(const uint8_t* block);

  static constexpr size_t kBlockBytes = 64;
  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, kBlockBytes> rest_{};  // what does not fill a block yet
  uint64_t bytes_ = 0;
};

}  // namespace owl3
