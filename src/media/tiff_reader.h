// Bounds-checked reads of a TIFF structure, as EXIF is one.
#pragma once

#include <cstring>
#include <optional>

#include "media/decode_formats.h"

namespace owl3 {

/// TIFF 6.0: an 8-byte header (byte order, 42, offset of the first directory), then the directory:
/// a count and entries of 12 bytes (tag, type, count, value).
class TiffReader {
 public:
  struct Entry {
    uint32_t type = 0;
    uint32_t count = 0;
    size_t value = 0;  // where the value stands, or its offset
  };

  /// Of a whole TIFF file, or an EXIF block with or without its "Exif\0\0" head; nothing of what is
  /// neither.
  static std::optional<TiffReader> open(Bytes exif) {
    const auto begins = [&](const char* magic, size_t size) {
      return exif.size() >= size && std::memcmp(exif.data(), magic, size) == 0;
    };
    if (begins("Exif\0\0", 6)) exif = exif.subspan(6);
    const bool little_endian = begins("II\x2a\0", 4);
    if (!little_endian && !begins("MM\0\x2a", 4)) return std::nullopt;
    return TiffReader(exif, !little_endian);
  }

  std::optional<uint32_t> u16(size_t offset) const { return read(offset, 2); }
  std::optional<uint32_t> u32(size_t offset) const { return read(offset, 4); }
  Bytes bytes() const { return bytes_; }

  std::optional<uint32_t> first_directory() const { return u32(4); }
  std::optional<Entry> find(size_t directory, uint32_t tag) const {
    const std::optional<uint32_t> entries = u16(directory);
    for (size_t i = 0; entries && i < *entries; ++i) {
      const size_t entry = directory + 2 + i * 12;
      const std::optional<uint32_t> found = u16(entry);
      const std::optional<uint32_t> type = u16(entry + 2);
      const std::optional<uint32_t> count = u32(entry + 4);
      if (!found || !type || !count) return std::nullopt;
      if (*found == tag) return Entry{*type, *count, entry + 8};
    }
    return std::nullopt;
  }

 private:
  TiffReader(Bytes bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::optional<uint32_t> read(size_t offset, size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t at = offset + (big_endian_ ? i : size - 1 - i);
      value = value << 8 | std::to_integer<uint32_t>(bytes_[at]);
    }
    return value;
  }

  Bytes bytes_;
  bool big_endian_;
};

}  // namespace owl3
