// Orientation of photos: reading the EXIF tag and turning the pixels upright.
#pragma once

#include "media/decode_formats.h"

namespace owl3 {

/// The orientation tag (1..8) of a TIFF structure: a whole TIFF file, or an EXIF block with or
/// without its "Exif\0\0" head. 1 when the tag is absent or anything is malformed.
int read_exif_orientation(Bytes exif);

/// Whether turning an image by this orientation makes its width its height.
constexpr bool swaps_sides(int orientation) {
  return orientation >= 5 && orientation <= 8;
}

/// The image as it should be looked at; `orientation` as EXIF defines it.
Image apply_orientation(Image image, int orientation);

}  // namespace owl3
