// GIF's LZW: codes of 3 to 12 bits, each a string of pixels.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace owl3 {

class GifLzw {
 public:
  enum class State { kRunning, kEnded, kBroken };

  /// `bits` of a pixel: 1 to 11.
  explicit GifLzw(int bits);

  /// Decodes a byte of data; each(pixel) is called for every pixel it completes, and says whether
  /// more are wanted.
  template <typename Each>
  State take(uint8_t byte, const Each& each) {
    buffer_ |= static_cast<uint32_t>(byte) << held_bits_;
    held_bits_ += 8;
    while (held_bits_ >= code_bits_) {
      const uint32_t code = buffer_ & ((1U << code_bits_) - 1);
      buffer_ >>= code_bits_;
      held_bits_ -= code_bits_;
      if (code == clear_code_) {
        clear();
        continue;
      }
      if (code == clear_code_ + 1) return State::kEnded;
      const size_t length = expand(code);
      if (length == 0) return State::kBroken;
      for (size_t i = length; i > 0; --i) {
        if (!each(string_[i - 1])) return State::kEnded;
      }
    }
    return State::kRunning;
  }

 private:
  static constexpr uint32_t kMaxCodes = 4096;
  static constexpr uint32_t kNone = kMaxCodes;

  void clear();
  /// Writes the code's string backwards; its length, or 0 for a code that can't be.
  size_t expand(uint32_t code);

  const int pixel_bits_;
  const uint32_t clear_code_;
  int code_bits_ = 0;
  uint32_t next_code_ = 0;
  uint32_t previous_ = kNone;
  uint32_t buffer_ = 0;
  int held_bits_ = 0;
  std::array<uint16_t, kMaxCodes> prefix_{};
  std::array<uint8_t, kMaxCodes> last_{};  // pixel of each code's string
  std::array<uint8_t, kMaxCodes + 1> string_{};
};

}  // namespace owl3
