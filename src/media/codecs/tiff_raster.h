// The samples of a TIFF, taken out of its strips or tiles.
#pragma once

#include <cstdint>
#include <vector>

#include "media/codecs/tiff_layout.h"

namespace owl3 {

/// The samples a picture is made of: its colours, then its alpha where it has one.
struct TiffRaster {
  int channels = 1;
  std::vector<uint8_t> bytes;  // [height, width, channels]; or, of wide values:
  std::vector<float> values;   // [height, width, channels], as the file has them
};

/// Samples of up to 16 bits become bytes: the high bits of deep ones, the full scale of shallow
/// ones; a palette's stay indices. Throws InputError.
TiffRaster read_tiff_raster(TiffFile& file, const TiffLayout& layout);

}  // namespace owl3
