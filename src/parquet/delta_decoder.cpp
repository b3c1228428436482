#include "parquet/delta_decoder.h"

#include <algorithm>

#include "core/error.h"

namespace owl3::parquet {

namespace {

/// Writers take 128, or 256, and 4 parts; each part has a byte for its width in each block.
constexpr uint64_t kMostBlockValues = uint64_t{1} << 24;
constexpr uint64_t kMostParts = uint64_t{1} << 16;
constexpr int kMostBits = 64;

[[noreturn]] void fail() {
  throw InputError("is damaged: differences that cannot be");
}

}  // namespace

DeltaDecoder::DeltaDecoder(std::span<const std::byte> bytes) : bytes_(bytes) {
  block_values_ = varint();
  const uint64_t parts = varint();
  count_ = varint();
  last_ = static_cast<uint64_t>(zigzag());
  if (block_values_ == 0 || block_values_ > kMostBlockValues || parts == 0 || parts > kMostParts ||
      block_values_ % parts != 0 || block_values_ / parts % 8 != 0) {
    fail();
  }
  part_values_ = block_values_ / parts;
  widths_.resize(parts);
  part_ = parts;  // the next number begins a block
}

uint64_t DeltaDecoder::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (position_ == bytes_.size()) fail();
    const auto next = static_cast<uint8_t>(bytes_[position_++]);
    value |= static_cast<uint64_t>(next & 0x7f) << shift;
    if (next < 0x80) return value;
  }
  fail();
}

int64_t DeltaDecoder::zigzag() {
  const uint64_t value = varint();
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

int64_t DeltaDecoder::next() {
  if (read_ == count_) fail();
  if (read_++ > 0) {  // the first stands in the head
    if (left_in_part_ == 0) begin_part();
    --left_in_part_;
    last_ += least_difference_ + packed();
  }
  return static_cast<int64_t>(last_);
}

void DeltaDecoder::begin_block() {
  least_difference_ = static_cast<uint64_t>(zigzag());
  if (widths_.size() > bytes_.size() - position_) fail();
  for (uint8_t& width : widths_) width = static_cast<uint8_t>(bytes_[position_++]);
  part_end_ = position_;
  part_ = 0;
}

void DeltaDecoder::begin_part() {
  if (part_ == widths_.size()) {
    position_ = std::max(position_, part_end_);
    begin_block();
  }
  const uint8_t width = widths_[part_++];
  if (width > kMostBits) fail();
  part_begin_ = part_end_;
  const uint64_t size = part_values_ / 8 * width;
  if (size > bytes_.size() - part_begin_) fail();
  part_end_ = part_begin_ + size;
  position_ = part_end_;
  left_in_part_ = part_values_;
  bit_ = 0;
}

uint64_t DeltaDecoder::packed() {
  const int width = widths_[part_ - 1];
  uint64_t value = 0;
  for (int have = 0; have < width;) {
    const auto byte = static_cast<uint64_t>(bytes_[part_begin_ + bit_ / 8]);
    const int offset = static_cast<int>(bit_ % 8);
    const int taken = std::min(8 - offset, width - have);
    value |= (byte >> offset & ((uint64_t{1} << taken) - 1)) << have;
    have += taken;
    bit_ += taken;
  }
  return value;
}

size_t DeltaDecoder::end_position() const {
  DeltaDecoder rest = *this;
  while (rest.read_ < rest.count_) {
    if (rest.read_ == 0) {
      rest.read_ = 1;
      continue;
    }
    if (rest.left_in_part_ == 0) rest.begin_part();
    const uint64_t passed = std::min(rest.left_in_part_, rest.count_ - rest.read_);
    rest.left_in_part_ -= passed;
    rest.read_ += passed;
  }
  return rest.position_;
}

}  // namespace owl3::parquet
