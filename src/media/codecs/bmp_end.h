// Whether a BMP file has all of its pixels, which FFmpeg does not tell.
#pragma once

#include <string>

#include "media/decode_formats.h"

namespace owl3 {

struct BmpEnd {
  size_t missing_padding = 0;  // bytes behind the last pixel, for which FFmpeg asks
  bool lacks_end = false;      // padding or end marker; the pixels are all there
};

/// Throws InputError for a file that breaks off before its pixels end. A header that makes no sense
/// is left to the decoder.
BmpEnd find_bmp_end(Bytes bytes, const std::string& name);

}  // namespace owl3
