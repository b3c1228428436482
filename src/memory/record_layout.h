// How the memory of an image lies in a record of a file, and how it is used from there.
//
// The one place that knows what a KeyValueBlock is made of: its tensors, one behind the other,
// those of the first hyper layer first (keys, values, and of int8 their scales), each at a multiple
// of 64 bytes; a record is a whole number of pages. Numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/decoder.h"

namespace owl3 {

/// Offsets of records, and their sizes, are multiples of this.
inline constexpr uint64_t kPageBytes = 4096;

class RecordLayout {
 public:
  /// The backend must outlive it. For images of `tokens` keys in so many hyper layers.
  RecordLayout(Backend& backend, int64_t key_value_heads, int64_t tokens, int64_t head_size,
               DType dtype, size_t hyper_layers);
  /// That of images like this, which lie in the host's memory.
  static RecordLayout of(const ImageMemory& memory);

  uint64_t record_bytes() const { return record_bytes_; }
  /// What has to be the same for a record to be read: "4 x i8 [2, 46, 64, 16, 2] ...". It is of the
  /// host's arrangement, on any device.
  const std::string& description() const { return description_; }

  /// The record, padded with zeros.
  std::vector<std::byte> write(const ImageMemory& memory) const;
  /// Uses the record where it lies, which `owner` keeps; a device that doesn't read the host's
  /// memory gets a copy.
  ImageMemoryPtr read(std::span<const std::byte> record, std::shared_ptr<const void> owner) const;

 private:
  RecordLayout(Backend* backend, KeyValueBlock block, size_t hyper_layers);

  Backend* backend_;     // null: all lies in the host's memory
  KeyValueBlock block_;  // shapes alone
  size_t hyper_layers_;
  uint64_t block_bytes_ = 0;
  uint64_t record_bytes_ = 0;
  std::string description_;
};

}  // namespace owl3
