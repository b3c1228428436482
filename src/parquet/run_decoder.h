// Small numbers as runs and as packed bits: levels, places in dictionaries, truth values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace owl3::parquet {

/// Parquet's RLE: runs of one value, and groups of eight packed values, mixed. Holds one number.
class RunDecoder {
 public:
  RunDecoder() = default;
  /// Throws InputError where numbers have more than 32 bits.
  RunDecoder(std::span<const std::byte> bytes, int bits);

  /// Throws InputError where there is no more.
  uint32_t next();

 private:
  void begin_run();
  uint32_t packed();

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  int bits_ = 0;
  uint64_t left_in_run_ = 0;
  bool run_is_packed_ = false;
  uint32_t value_ = 0;
  uint64_t buffered_ = 0;  // bits of packed values that were read
  int buffered_bits_ = 0;
};

/// The older BIT_PACKED, of levels alone: the highest bit first.
class PackedLevels {
 public:
  PackedLevels() = default;
  PackedLevels(std::span<const std::byte> bytes, int bits) : bytes_(bytes), bits_(bits) {}

  uint32_t next();

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;  // in bits
  int bits_ = 0;
};

}  // namespace owl3::parquet
