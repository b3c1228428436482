#include "text/byte_level.h"

#include <array>
#include <cstdint>

#include "text/utf8.h"

namespace owl3 {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr size_t kAlphabetEnd = 0x144;  // 68 bytes do not stand for themselves

/// Code point -> byte, -1 where a code point stands for none.
constexpr std::array<int16_t, kAlphabetEnd> kByteOf = [] {
  std::array<int16_t, kAlphabetEnd> byte_of{};
  byte_of.fill(-1);
  size_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    byte_of[stands_for_itself(byte) ? static_cast<size_t>(byte) : next++] =
        static_cast<int16_t>(byte);
  }
  return byte_of;
}();

}  // namespace

bool append_bytes_of(std::string_view token, std::string& bytes) {
  const size_t before = bytes.size();
  while (!token.empty()) {
    const Utf8Character next = first_character(token);
    if (next.state != Utf8State::kValid || next.code_point >= kAlphabetEnd ||
        kByteOf[next.code_point] < 0) {
      bytes.resize(before);
      return false;
    }
    bytes.push_back(static_cast<char>(kByteOf[next.code_point]));
    token.remove_prefix(next.length);
  }
  return true;
}

}  // namespace owl3
