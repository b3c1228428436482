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

StoredImage decode_stored(Bytes bytes, const std::string& name, int64_t max_pixels) {
  if (bytes.empty()) throw InputError(fmt::format("{}: the file is empty", name));
  if (has_magic(bytes, 0, "\xff\xd8\xff")) return decode_jpeg(bytes, name, max_pixels);
  if (has_magic(bytes, 0, "\x89PNG\r\n\x1a\n")) return decode_png(bytes, name, max_pixels);
  if (has_magic(bytes, 0, "RIFF") && has_magic(bytes, 8, "WEBP")) {
    return decode_webp(bytes, name, max_pixels);
  }
  return decode_with_ffmpeg(bytes, name, max_pixels);
}

}  // namespace

Image make_image(int64_t width, int64_t height, const std::string& name, int64_t max_pixels) {
  if (width <= 0 || height <= 0) {
    throw InputError(fmt::format("{}: broken image: its size is {} x {}", name, width, height));
  }
  if (width > kMaxImageSide || height > kMaxImageSide || width * height > max_pixels) {
    throw InputError(fmt::format(
        "{}: the image claims {} x {} pixels; the limit is {} pixels, and {} a side; scale it down "
        "first",
        name, width, height, max_pixels, kMaxImageSide));
  }
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.rgb.resize(static_cast<size_t>(width * height) * 3);
  return image;
}

Image decode_image(Bytes bytes, const std::string& name, const DecodeOptions& options) {
  StoredImage stored = decode_stored(bytes, name, options.max_pixels);
  if (!options.apply_exif_orientation) return std::move(stored.image);
  return apply_orientation(std::move(stored.image), stored.orientation);
}

Image load_image(const std::filesystem::path& path, const DecodeOptions& options) {
  return decode_image(MappedFile::open(path)->bytes(), path.string(), options);
}

}  // namespace owl3
