#include "parquet/run_decoder.h"

#include "core/error.h"

namespace owl3::parquet {

namespace {

constexpr int kMostBits = 32;

[[noreturn]] void fail() {
  throw InputError("is damaged: a page with fewer values than it says");
}

}  // namespace

RunDecoder::RunDecoder(std::span<const std::byte> bytes, int bits) : bytes_(bytes), bits_(bits) {
  if (bits < 0 || bits > kMostBits) {
    throw InputError(fmt::format("is damaged: numbers of {} bits", bits));
  }
}

uint32_t RunDecoder::next() {
  if (bits_ == 0) return 0;  // nothing needs to be written then, and some write nothing
  while (left_in_run_ == 0) begin_run();
  --left_in_run_;
  return run_is_packed_ ? packed() : value_;
}

/// A number tells the kind in its lowest bit, and how many values, or groups of eight, follow.
void RunDecoder::begin_run() {
  uint64_t head = 0;
  for (int shift = 0;; shift += 7) {
    if (position_ == bytes_.size() || shift > 35) fail();
    const auto next = static_cast<uint8_t>(bytes_[position_++]);
    head |= static_cast<uint64_t>(next & 0x7f) << shift;
    if (next < 0x80) break;
  }
  run_is_packed_ = (head & 1) != 0;
  buffered_ = 0;
  buffered_bits_ = 0;
  left_in_run_ = head >> 1;
  if (run_is_packed_) {
    left_in_run_ *= 8;  // the last group of a page may be cut short: packed() finds out
    return;
  }
  const auto width = static_cast<size_t>((bits_ + 7) / 8);
  if (bytes_.size() - position_ < width) fail();
  value_ = 0;
  for (size_t i = 0; i < width; ++i) {
    value_ |= static_cast<uint32_t>(bytes_[position_++]) << (8 * i);
  }
}

uint32_t RunDecoder::packed() {
  while (buffered_bits_ < bits_) {
    if (position_ == bytes_.size()) fail();
    buffered_ |= static_cast<uint64_t>(bytes_[position_++]) << buffered_bits_;
    buffered_bits_ += 8;
  }
  const auto value = static_cast<uint32_t>(buffered_ & ((uint64_t{1} << bits_) - 1));
  buffered_ >>= bits_;
  buffered_bits_ -= bits_;
  return value;
}

uint32_t PackedLevels::next() {
  uint32_t value = 0;
  for (int i = 0; i < bits_; ++i, ++position_) {
    if (position_ / 8 >= bytes_.size()) fail();
    const auto byte = static_cast<uint32_t>(bytes_[position_ / 8]);
    value = value << 1 | (byte >> (7 - position_ % 8) & 1);
  }
  return value;
}

}  // namespace owl3::parquet
