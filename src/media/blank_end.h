// What a download that was not finished leaves where the file had its full size beforehand.
#pragma once

#include <optional>
#include <string>

#include "media/decode_formats.h"

namespace owl3 {

/// A warning where much of a picture's coded data is one value, 0 or 255, up to their end. For
/// formats whose decoders take that for pixels. Single-coloured pictures are no such case: the most
/// that WebP ends them with is a twentieth of zeros.
std::optional<std::string> blank_end_warning(Bytes coded);

}  // namespace owl3
