// Writing pictures as PNG.
#pragma once

#include <string>

#include "media/image.h"

namespace owl3 {

/// The bytes of a PNG file, 8-bit RGB. `level` is zlib's, 0 (none) to 9.
std::string encode_png(const Image& image, int level = 6);

}  // namespace owl3
