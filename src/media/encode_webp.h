// Writing pictures as WebP: small, for pages that hold many.
#pragma once

#include <string>

#include "media/image.h"

namespace owl3 {

/// The bytes of a lossy WebP file. `quality` is libwebp's, 0 to 100. Throws InputError for what
/// WebP can't hold: sides above 16383 pixels.
std::string encode_webp(const Image& image, float quality = 80);

}  // namespace owl3
