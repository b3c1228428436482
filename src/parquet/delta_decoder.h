// Whole numbers as their differences: DELTA_BINARY_PACKED.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace owl3::parquet {

/// Numbers wrap at 64 bits, as the standard has it: those of 32 bits are their lowest 32. Holds one
/// block's widths.
class DeltaDecoder {
 public:
  DeltaDecoder() = default;
  /// Throws InputError when the head is damaged.
  explicit DeltaDecoder(std::span<const std::byte> bytes);

  /// How many there are, by the page.
  uint64_t count() const { return count_; }
  /// Throws InputError where there is no more.
  int64_t next();
  /// Where the bytes after the last number begin.
  size_t end_position() const;

 private:
  uint64_t varint();
  int64_t zigzag();
  void begin_block();
  void begin_part();
  uint64_t packed();

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  uint64_t count_ = 0, read_ = 0;
  uint64_t last_ = 0;
  uint64_t block_values_ = 0, part_values_ = 0;  // a block is some parts of one width each
  uint64_t least_difference_ = 0;
  std::vector<uint8_t> widths_;  // bits of each part of the block
  size_t part_ = 0;              // that is read
  uint64_t left_in_part_ = 0;
  size_t part_begin_ = 0, part_end_ = 0;
  uint64_t bit_ = 0;  // of the part, that is next
};

}  // namespace owl3::parquet
