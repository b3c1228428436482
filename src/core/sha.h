// SHA-1 and SHA-256 (FIPS 180-4), by Nettle.
#pragma once

#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace owl3 {

class Sha1 {
 public:
  using Digest = std::array<uint8_t, SHA1_DIGEST_SIZE>;

  Sha1();
  void add(std::span<const std::byte> bytes);
  /// Of all that was added. Once, at the end.
  Digest finish();

 private:
  sha1_ctx context_;
};

class Sha256 {
 public:
  using Digest = std::array<uint8_t, SHA256_DIGEST_SIZE>;

  Sha256();
  void add(std::span<const std::byte> bytes);
  /// Of all that was added. Once, at the end.
  Digest finish();

 private:
  sha256_ctx context_;
};

/// Lower-case hexadecimal, two digits a byte.
std::string hex_text(std::span<const uint8_t> digest);

}  // namespace owl3
