// An image that is to be remembered: a file, or the bytes of one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>

#include "media/image.h"

namespace owl3 {

struct ImageFile {
  std::filesystem::path path;  // of bytes their name
  std::optional<std::span<const std::byte>> bytes{};

  /// As image_size() and load_image() give them. Throw InputError.
  ImageSize size(const ImageOptions& options) const;
  DecodedImage load(const ImageOptions& options) const;
};

}  // namespace owl3
