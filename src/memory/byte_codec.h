// Numbers and texts as bytes of a file, little-endian on every machine, and back.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace owl3 {

class ByteWriter {
 public:
  template <std::integral T>
  void number(T value) {
    auto bits = static_cast<uint64_t>(value);
    for (size_t i = 0; i < sizeof(T); ++i, bits >>= 8) bytes_.push_back(std::byte(bits & 0xFF));
  }
  void real(double value) { number(std::bit_cast<uint64_t>(value)); }
  void raw(std::span<const uint8_t> bytes) {
    const auto part = std::as_bytes(bytes);
    bytes_.insert(bytes_.end(), part.begin(), part.end());
  }
  void text(std::string_view text) {
    number(static_cast<uint32_t>(text.size()));
    const auto part = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), part.begin(), part.end());
  }
  /// Zeros up to a multiple of `size`.
  void pad(size_t size) { bytes_.resize((bytes_.size() + size - 1) / size * size); }

  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// Every read is checked against what there is. Throws InputError, which says what is wrong and no
/// name.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <std::integral T>
  T number() {
    const std::span<const std::byte> part = take(sizeof(T));
    uint64_t bits = 0;
    for (size_t i = sizeof(T); i-- > 0;) bits = bits << 8 | std::to_integer<uint64_t>(part[i]);
    return static_cast<T>(bits);
  }
  double real() { return std::bit_cast<double>(number<uint64_t>()); }
  void raw(std::span<uint8_t> to) {
    const std::span<const std::byte> part = take(to.size());
    for (size_t i = 0; i < to.size(); ++i) to[i] = std::to_integer<uint8_t>(part[i]);
  }
  std::string text(size_t longest) {
    const auto size = number<uint32_t>();
    if (size > longest) throw InputError(fmt::format("a text of {} bytes", size));
    const std::span<const std::byte> part = take(size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  /// A number of things that have at least `least` bytes each: no more than can follow.
  size_t count(size_t least) {
    const auto count = number<uint64_t>();
    if (count > bytes_.size() / least) throw InputError("more entries than it has bytes for");
    return static_cast<size_t>(count);
  }
  std::span<const std::byte> rest() const { return bytes_; }

 private:
  std::span<const std::byte> take(size_t size) {
    if (size > bytes_.size()) throw InputError("it ends early");
    const std::span<const std::byte> part = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return part;
  }

  std::span<const std::byte> bytes_;
};

}  // namespace owl3
