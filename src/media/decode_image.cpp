// Which decoder a file goes to, and the checks common to all.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "core/mapped_file.h"
#include "media/alpha.h"
#include "media/codecs.h"
#include "media/decode_formats.h"
#include "media/heif_file.h"
#include "media/image_kinds.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

bool has_magic(Bytes bytes, size_t offset, std::string_view magic) {
  return bytes.size() >= offset + magic.size() &&
         std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

enum class Format { kJpeg, kPng, kWebp, kGif, kTiff, kHeif, kJxl, kOther };

/// JPEG-LS begins like a JPEG, and names its coding in its frame header.
bool is_jpeg_ls(Bytes bytes) {
  constexpr std::byte kFrameOfJpegLs{0xf7};
  const auto at = [&](size_t i) { return i < bytes.size() ? bytes[i] : std::byte{0}; };
  size_t marker = 2;
  while (at(marker) == std::byte{0xff}) {
    const std::byte kind = at(marker + 1);
    if (kind == kFrameOfJpegLs) return true;
    const bool before_frame =
        (kind & std::byte{0xf0}) == std::byte{0xe0} || kind == std::byte{0xfe};
    if (!before_frame) return false;
    marker += 2 + (std::to_integer<size_t>(at(marker + 2)) << 8 |
                   std::to_integer<size_t>(at(marker + 3)));
  }
  return false;
}

Format format_of(Bytes bytes, const std::string& name) {
  if (bytes.empty()) throw InputError(fmt::format("{}: the file is empty", name));
  if (has_magic(bytes, 0, "\xff\xd8\xff")) {
    return is_jpeg_ls(bytes) ? Format::kOther : Format::kJpeg;
  }
  if (has_magic(bytes, 0, "\x89PNG\r\n\x1a\n")) return Format::kPng;
  if (has_magic(bytes, 0, "RIFF") && has_magic(bytes, 8, "WEBP")) return Format::kWebp;
  if (has_magic(bytes, 0, "GIF8")) return Format::kGif;
  constexpr std::string_view kTiffMagics[] = {
      {"II*\0", 4}, {"MM\0*", 4}, {"II+\0", 4}, {"MM\0+", 4}};
  for (const std::string_view magic : kTiffMagics) {
    if (has_magic(bytes, 0, magic)) return Format::kTiff;
  }
  if (has_magic(bytes, 0, "\xff\x0a")) return Format::kJxl;
  if (has_magic(bytes, 0, std::string_view("\0\0\0\x0cJXL \r\n\x87\n", 12))) return Format::kJxl;
  // A series of pictures may have none that is primary, and then is a film to FFmpeg.
  if (begins_like_heif(bytes) && has_heif_items(bytes, name)) return Format::kHeif;
  return Format::kOther;
}

StoredImage decode_stored(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  switch (format_of(bytes, name)) {
    case Format::kJpeg:
      return decode_jpeg(bytes, name, limits);
    case Format::kPng:
      return decode_png(bytes, name, limits);
    case Format::kWebp:
      return decode_webp(bytes, name, limits);
    case Format::kGif:
      return decode_gif(bytes, name, limits);
    case Format::kTiff:
      return codecs(name).decode_tiff(bytes, name, limits);
    case Format::kHeif:
      return codecs(name).decode_heif(bytes, name, limits);
    case Format::kJxl:
      return codecs(name).decode_jxl(bytes, name, limits);
    case Format::kOther:
      break;
  }
  return codecs(name).decode_with_ffmpeg(bytes, name, limits);
}

StoredSize read_stored_size(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  switch (format_of(bytes, name)) {
    case Format::kJpeg:
      return read_jpeg_size(bytes, name);
    case Format::kPng:
      return read_png_size(bytes, name);
    case Format::kWebp:
      return read_webp_size(bytes, name);
    case Format::kGif:
      return read_gif_size(bytes, name);
    case Format::kTiff:
      return codecs(name).read_tiff_size(bytes, name, limits);
    case Format::kHeif:
      return codecs(name).read_heif_size(bytes, name, limits);
    case Format::kJxl:
      return codecs(name).read_jxl_size(bytes, name);
    case Format::kOther:
      break;
  }
  return codecs(name).read_size_with_ffmpeg(bytes, name, limits);
}

DecodeLimits limits_of(const DecodeOptions& options) {
  return {options.max_pixels, options.max_bytes};
}

/// Deep samples whose high bits nobody used: twelve bits of a sensor in sixteen.
std::string dark_warning(const StoredImage& stored) {
  constexpr int kDark = 16;
  if (!stored.is_deep) return "";
  const int brightest = *std::max_element(stored.image.rgb.begin(), stored.image.rgb.end());
  if (brightest >= kDark) return "";
  return fmt::format(
      "it looks black: nothing in it is brighter than {} of 255; its values may use fewer bits "
      "than the file says, and want scaling up first",
      brightest);
}

}  // namespace

DecodedImage decode_image(Bytes bytes, const std::string& name, const DecodeOptions& options) {
  StoredImage stored = decode_stored(bytes, name, limits_of(options));
  if (options.background) {
    lay_over(stored.image, stored.alpha, *options.background);
  } else if (std::string warning = transparency_warning(stored.alpha); !warning.empty()) {
    stored.warnings.push_back(std::move(warning));
  }
  if (std::string warning = dark_warning(stored); !warning.empty()) {
    stored.warnings.push_back(std::move(warning));
  }
  DecodedImage decoded{options.apply_exif_orientation
                           ? apply_orientation(std::move(stored.image), stored.orientation)
                           : std::move(stored.image)};
  if (!stored.warnings.empty()) {
    decoded.warning = fmt::format("{}: {}", name, fmt::join(stored.warnings, "; "));
  }
  return decoded;
}

ImageSize image_size(Bytes bytes, const std::string& name, const DecodeOptions& options) {
  const StoredSize stored = read_stored_size(bytes, name, limits_of(options));
  check_image_size(stored.width, stored.height, name, limits_of(options));
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
