// When a photo was taken, as its EXIF tells.
#pragma once

#include <filesystem>
#include <string>

#include "media/decode_formats.h"

namespace owl3 {

/// DateTimeOriginal, or else DateTimeDigitized: "2024-07-01T12:33:05", by the camera's clock. Of a
/// JPEG, PNG, WebP, TIFF, HEIC or AVIF file, of which the beginning is enough; empty where it tells
/// of none, or of what is no date.
std::string date_taken(Bytes file);

/// The same of a file; empty where that can't be read.
std::string date_taken(const std::filesystem::path& path);

}  // namespace owl3
