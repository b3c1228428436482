#include "media/orientation.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace owl3 {
namespace {

/// Bounds-checked reads in the byte order that a TIFF header states.
class TiffReader {
 public:
  TiffReader(Bytes bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::optional<uint32_t> u16(size_t offset) const { return read(offset, 2); }
  std::optional<uint32_t> u32(size_t offset) const { return read(offset, 4); }

 private:
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

bool starts_with(Bytes bytes, const char* magic, size_t size) {
  return bytes.size() >= size && std::memcmp(bytes.data(), magic, size) == 0;
}

}  // namespace

// TIFF 6.0: an 8-byte header (byte order, 42, offset of the first directory), then the directory:
// a count and entries of 12 bytes (tag, type, count, value).
int read_exif_orientation(Bytes exif) {
  constexpr uint32_t kOrientationTag = 0x0112;
  constexpr uint32_t kShort = 3;
  if (starts_with(exif, "Exif\0\0", 6)) exif = exif.subspan(6);
  const bool little_endian = starts_with(exif, "II\x2a\0", 4);
  if (!little_endian && !starts_with(exif, "MM\0\x2a", 4)) return 1;

  const TiffReader reader(exif, !little_endian);
  const std::optional<uint32_t> directory = reader.u32(4);
  if (!directory) return 1;
  const std::optional<uint32_t> entries = reader.u16(*directory);
  for (size_t i = 0; entries && i < *entries; ++i) {
    const size_t entry = size_t{*directory} + 2 + i * 12;
    const std::optional<uint32_t> tag = reader.u16(entry);
    if (!tag) return 1;
    if (*tag != kOrientationTag) continue;
    const std::optional<uint32_t> type = reader.u16(entry + 2);
    const std::optional<uint32_t> value =
        type == kShort ? reader.u16(entry + 8) : reader.u32(entry + 8);
    return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool swaps = swaps_sides(orientation);
  Image upright{swaps ? image.height : image.width, swaps ? image.width : image.height, {}};
  upright.rgb.resize(image.rgb.size());

  // The source pixel moves by a constant stride along each axis of the result.
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int64_t along_row = from_right ? -3 : 3;
  const int64_t along_column = (from_bottom ? -3 : 3) * int64_t{image.width};
  const int64_t start = (from_bottom ? int64_t{image.height - 1} * image.width * 3 : 0) +
                        (from_right ? int64_t{image.width - 1} * 3 : 0);
  const int64_t step_x = swaps ? along_column : along_row;
  const int64_t step_y = swaps ? along_row : along_column;
  uint8_t* target = upright.rgb.data();
  for (int y = 0; y < upright.height; ++y) {
    const uint8_t* row = image.rgb.data() + start + y * step_y;
    for (int x = 0; x < upright.width; ++x, target += 3) {
      std::copy_n(row + x * step_x, 3, target);
    }
  }
  return upright;
}

}  // namespace owl3
