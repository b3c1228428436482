#include "media/codecs/ffmpeg_pictures.h"

#include <cctype>
#include <string_view>

#include "core/error.h"
#include "media/codecs/bmp_end.h"

namespace owl3 {
namespace {

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void prepare_bmp(FfmpegPicture& picture, const std::string& name) {
  const BmpEnd end = find_bmp_end(picture.bytes, name);
  if (end.missing_padding > 0) {
    picture.copy.assign(picture.bytes.begin(), picture.bytes.end());
    picture.copy.resize(picture.bytes.size() + end.missing_padding);
    picture.bytes = picture.copy;
  }
  if (end.lacks_end) {
    picture.warnings.emplace_back("the BMP breaks off behind its pixels, which are all there");
  }
}

/// Eight numbers: magic, width, height, bits, bytes of data, type, kind and bytes of the palette.
void check_sun_raster(Bytes bytes, const std::string& name) {
  constexpr size_t kHeaderBytes = 32;
  constexpr int64_t kRle = 2;
  if (bytes.size() < kHeaderBytes) return;
  const auto number = [&](size_t index) {
    int64_t value = 0;
    for (size_t i = 0; i < 4; ++i)
      value = value << 8 | std::to_integer<int64_t>(bytes[4 * index + i]);
    return value;
  };
  constexpr int64_t kMaxBits = 32;
  const bool is_plain = number(5) != kRle && number(1) <= kMaxImageSide &&
                        number(2) <= kMaxImageSide && number(3) <= kMaxBits;
  if (!is_plain) return;
  const int64_t row_bytes = (number(1) * number(3) + 15) / 16 * 2;
  const auto size = static_cast<int64_t>(bytes.size());
  if (size >= static_cast<int64_t>(kHeaderBytes) + number(7) + row_bytes * number(2)) return;
  throw InputError(fmt::format("{}: broken Sun raster: it breaks off before its pixels end", name));
}

/// FFmpeg knows colours of 3, 4, 6 and 8 digits, and takes others for black: of 9 and 12 the first
/// two of each channel are kept.
void shorten_xpm_colours(FfmpegPicture& picture) {
  const std::string_view text = text_of(picture.bytes);
  const auto is_digit = [&](size_t i) {
    return i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  std::vector<std::byte> shortened;
  shortened.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    shortened.push_back(picture.bytes[i]);
    if (text[i++] != '#') continue;
    size_t digits = 0;
    while (is_digit(i + digits)) ++digits;
    if (digits != 9 && digits != 12) continue;
    for (size_t digit = 0; digit < digits; ++digit, ++i) {
      if (digit % (digits / 3) < 2) shortened.push_back(picture.bytes[i]);
    }
  }
  picture.copy = std::move(shortened);
  picture.bytes = picture.copy;
}

}  // namespace

FfmpegPicture prepare_for_ffmpeg(Bytes bytes, const std::string& name) {
  FfmpegPicture picture{bytes, {}, nullptr, false, {}};
  const std::string_view text = text_of(bytes);
  if (text.starts_with("BM")) {
    prepare_bmp(picture, name);
  } else if (text.starts_with("\x59\xa6\x6a\x95")) {
    check_sun_raster(bytes, name);
  } else if (text.starts_with("/* XPM */")) {
    shorten_xpm_colours(picture);
  } else if (text.starts_with("P7\nWIDTH") || text.starts_with("P7\n#")) {
    picture.format = av_find_input_format("pam_pipe");
  } else if (text.starts_with("PF\n") || text.starts_with("Pf\n")) {
    picture.is_upside_down = true;  // its first row is the lowest
  }
  return picture;
}

}  // namespace owl3
