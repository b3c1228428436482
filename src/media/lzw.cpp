#include "media/lzw.h"

namespace owl3 {

GifLzw::GifLzw(int bits) : pixel_bits_(bits), clear_code_(1U << bits) {
  clear();
}

void GifLzw::clear() {
  code_bits_ = pixel_bits_ + 1;
  next_code_ = clear_code_ + 2;
  previous_ = kNone;
}

size_t GifLzw::expand(uint32_t code) {
  if (code > next_code_ || (previous_ == kNone && code > clear_code_)) return 0;
  // The code about to be made: the previous string and that string's own first pixel.
  const bool is_new = code == next_code_;
  size_t length = is_new ? 1 : 0;
  uint32_t rest = is_new ? previous_ : code;
  for (; rest > clear_code_; rest = prefix_[rest]) string_[length++] = last_[rest];
  const auto first = static_cast<uint8_t>(rest);
  string_[length++] = first;
  if (is_new) string_[0] = first;

  if (previous_ != kNone && next_code_ < kMaxCodes) {
    prefix_[next_code_] = static_cast<uint16_t>(previous_);
    last_[next_code_] = first;
    ++next_code_;
    if (next_code_ == 1U << code_bits_ && code_bits_ < 12) ++code_bits_;
  }
  previous_ = code;
  return length;
}

}  // namespace owl3
