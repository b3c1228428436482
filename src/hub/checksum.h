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

/// What SHA-1 and SHA-256 share: blocks of 64 bytes, closed by the length in bits.
template <size_t kWords>
class BlockHash {
 public:
  virtual ~BlockHash() = default;
  void update(std::span<const std::byte> bytes);
  /// Lower-case hexadecimal; nothing can be added afterwards.
  std::string hex();

 protected:
  using State = std::array<uint32_t, kWords>;
  explicit BlockHash(const State& state) : state_(state) {}
  virtual void add_blocks(State& state, const uint8_t* blocks, size_t count) const = 0;

 private:
  State state_;
  std::array<uint8_t, 64> rest_{};
  size_t rest_size_ = 0;
  uint64_t size_ = 0;
};

class Sha256 : public BlockHash<8> {
 public:
  Sha256();

 protected:
  void add_blocks(State& state, const uint8_t* blocks, size_t count) const override;
};

class Sha1 : public BlockHash<5> {
 public:
  Sha1();

 protected:
  void add_blocks(State& state, const uint8_t* blocks, size_t count) const override;
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
