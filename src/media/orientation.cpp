#include "media/orientation.h"

#include <algorithm>
#include <optional>

#include "media/tiff_reader.h"

namespace owl3 {

int read_exif_orientation(Bytes exif) {
  constexpr uint32_t kOrientationTag = 0x0112;
  constexpr uint32_t kShort = 3;
  const std::optional<TiffReader> reader = TiffReader::open(exif);
  if (!reader) return 1;
  const std::optional<uint32_t> directory = reader->first_directory();
  if (!directory) return 1;
  const std::optional<TiffReader::Entry> entry = reader->find(*directory, kOrientationTag);
  if (!entry || entry->type != kShort) return 1;
  const std::optional<uint32_t> value = reader->u16(entry->value);
  return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
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
