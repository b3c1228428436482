// Checksums that hubs give their files: SHA-256 of the content, or for small files Git's blob
// SHA-1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace owl3 {

/// SHA-1 (FIPS 180-4).
class Sha1 {
 public:
  void add(std::span<const std::byte> bytes);
  /// Lower-case hexadecimal, of all that was added. Once, at the end.
  std::string hex();

 private:
  void mix(const uint8_t* block);

  std::array<uint32_t, 5> state_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::array<uint8_t, 64> rest_{};  // what does not fill a block yet
  uint64_t bytes_ = 0;
};

/// Whether the text is what checksum_of() can give: 64 hexadecimal digits (SHA-256), or 40 (the
/// SHA-1 of a Git blob).
bool is_checksum(const std::string& text);

/// The checksum of the first `size` bytes of a file, in the form that `expected` has. `read` is
/// told of each piece, and stops the work by returning false; the result is empty then. Throws
/// InputError.
std::string checksum_of(const std::filesystem::path& file, const std::string& expected,
                        uint64_t size, const std::function<bool(uint64_t bytes)>& read);

}  // namespace owl3
