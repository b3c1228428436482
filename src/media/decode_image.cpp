// Which decoder a file goes to, and the checks common to all.
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "core/mapped_file.h"
#include "media/decode_formats.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

bool has_magic(Bytes bytes, size_t offset, std::string_view magic) {
  return bytes.size() >= offset + magic.size() &&
         std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

enum class Format { kJpeg, kPng, kWebp, kOther };

Format format_of(Bytes bytes, const std::string& name) {
  if (bytes.empty()) throw InputError(fmt::format("{}: the file is empty", name));
  if (has_magic(bytes, 0, "\xff\xd8\xff")) return Format::kJpeg;
  if (has_magic(bytes, 0, "\x89PNG\r\n\x1a\n")) return Format::kPng;
  if (has_magic(bytes, 0, "RIFF") && has_magic(bytes, 8, "WEBP")) return Format::kWebp;
  return Format::kOther;
}

StoredImage decode_stored(Bytes bytes, const std::string& name, int64_t max_pixels) {
  switch (format_of(bytes, name)) {
    case Format::kJpeg:
      return decode_jpeg(bytes, name, max_pixels);
    case Format::kPng:
      return decode_png(bytes, name, max_pixels);
    case Format::kWebp:
      return decode_webp(bytes, name, max_pixels);
    case Format::kOther:
      break;
  }
  return decode_with_ffmpeg(bytes, name, max_pixels);
}

StoredSize read_stored_size(Bytes bytes, const std::string& name, int64_t max_pixels) {
  switch (format_of(bytes, name)) {
    case Format::kJpeg:
      return read_jpeg_size(bytes, name);
    case Format::kPng:
      return read_png_size(bytes, name);
    case Format::kWebp:
      return read_webp_size(bytes, name);
    case Format::kOther:
      break;
  }
  const StoredImage stored = decode_with_ffmpeg(bytes, name, max_pixels);
  return {stored.image.width, stored.image.height, stored.orientation};
}

}  // namespace

void check_image_size(int64_t width, int64_t height, const std::string& name, int64_t max_pixels) {
  if (width <= 0 || height <= 0) {
    throw InputError(fmt::format("{}: broken image: its size is {} x {}", name, width, height));
  }
  if (width > kMaxImageSide || height > kMaxImageSide || width * height > max_pixels) {
    throw InputError(fmt::format(
        "{}: the image claims {} x {} pixels; the limit is {} pixels, and {} a side; scale it down "
        "first",
        name, width, height, max_pixels, kMaxImageSide));
  }
}

Image make_image(int64_t width, int64_t height, const std::string& name, int64_t max_pixels) {
  check_image_size(width, height, name, max_pixels);
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.rgb.resize(static_cast<size_t>(width * height) * 3);
  return image;
}

DecodedImage decode_image(Bytes bytes, const std::string& name, const DecodeOptions& options) {
  StoredImage stored = decode_stored(bytes, name, options.max_pixels);
  DecodedImage decoded{options.apply_exif_orientation
                           ? apply_orientation(std::move(stored.image), stored.orientation)
                           : std::move(stored.image)};
  if (!stored.warnings.empty()) {
    decoded.warning = fmt::format("{}: {}", name, fmt::join(stored.warnings, "; "));
  }
  return decoded;
}

ImageSize image_size(Bytes bytes, const std::string& name, const DecodeOptions& options) {
  const StoredSize stored = read_stored_size(bytes, name, options.max_pixels);
  check_image_size(stored.width, stored.height, name, options.max_pixels);
  const ImageSize size{static_cast<int>(stored.width), static_cast<int>(stored.height)};
  const bool turned = options.apply_exif_orientation && swaps_sides(stored.orientation);
  return turned ? ImageSize{size.height, size.width} : size;
}

ImageSize image_size(const std::filesystem::path& path, const DecodeOptions& options) {
  return image_size(MappedFile::open(path)->bytes(), path.string(), options);
}

DecodedImage load_image(const std::filesystem::path& path, const DecodeOptions& options) {
  return decode_image(MappedFile::open(path)->bytes(), path.string(), options);
}

}  // namespace owl3
