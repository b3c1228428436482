// TIFF and BigTIFF through libtiff: the first page, whatever its compression, depth and colours.
#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "media/alpha.h"
#include "media/cmyk.h"
#include "media/codecs/decoders.h"
#include "media/codecs/sample_values.h"
#include "media/codecs/tiff_layout.h"
#include "media/codecs/tiff_page.h"
#include "media/codecs/tiff_raster.h"

namespace owl3 {
namespace {

/// What libtiff may allocate at once.
int64_t max_allocation(const DecodeLimits& limits) {
  constexpr int64_t kLeast = int64_t{64} << 20;
  constexpr int64_t kBytesPerPixel = 16;
  return std::max(kLeast, std::min(limits.max_pixels, INT64_MAX / kBytesPerPixel) * kBytesPerPixel);
}

/// At the peak: a strip may be the whole picture.
int64_t bytes_per_pixel(const TiffLayout& layout) {
  constexpr int64_t kRgb = 3;
  constexpr int64_t kLibtiffPixel = 4;
  if (layout.colour == TiffColour::kByLibtiff) return kRgb + kLibtiffPixel + layout.pixel_bytes();
  const int64_t channels = layout.colour_samples + (layout.alpha_sample >= 0 ? 1 : 0);
  const int64_t sample_bytes = layout.has_wide_values() ? sizeof(float) + 1 : 1;
  return kRgb + (layout.alpha_sample >= 0 ? 1 : 0) + channels * sample_bytes + layout.pixel_bytes();
}

/// Wide values to bytes, colours and alpha each by a range of their own.
void narrow(TiffRaster& raster, const TiffLayout& layout, std::vector<std::string>& warnings) {
  const size_t pixels = raster.values.size() / static_cast<size_t>(raster.channels);
  const auto colours = static_cast<size_t>(layout.colour_samples);
  const auto channels = static_cast<size_t>(raster.channels);
  const bool is_signed = layout.sample_format == SAMPLEFORMAT_INT;
  const double full_scale =
      layout.is_float() ? 1 : std::exp2(layout.bits - (is_signed ? 1 : 0)) - 1;
  const ValueType type{layout.is_float(), full_scale};
  const ValueRange range = choose_range(raster.values, channels, colours, type);
  const ValueRange alpha_range{0, full_scale};
  if (!range.warning.empty()) warnings.push_back(range.warning);
  raster.bytes.resize(pixels * channels);
  for (size_t i = 0; i < raster.values.size(); ++i) {
    raster.bytes[i] = (i % channels < colours ? range : alpha_range).to_byte(raster.values[i]);
  }
  raster.values = {};
}

using Palette = std::array<std::array<uint8_t, 3>, 256>;

/// Its colours have 16 bits; some old files have 8.
Palette read_palette(const TiffFile& file, int bits) {
  uint16_t* colours[3] = {};
  if (TIFFGetField(file.handle(), TIFFTAG_COLORMAP, &colours[0], &colours[1], &colours[2]) == 0) {
    file.throw_unsupported("a palette that is missing");
  }
  const size_t count = size_t{1} << bits;
  bool is_deep = false;
  for (const uint16_t* channel : colours) {
    is_deep = is_deep || std::any_of(channel, channel + count, [](int v) { return v > 255; });
  }
  Palette palette{};
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      palette[i][c] = static_cast<uint8_t>(is_deep ? colours[c][i] >> 8 : colours[c][i]);
    }
  }
  return palette;
}

/// One pixel's colours to RGB.
void paint(const uint8_t* in, TiffColour colour, const Palette& palette, uint8_t* rgb) {
  switch (colour) {
    case TiffColour::kRgb:
      std::copy_n(in, 3, rgb);
      break;
    case TiffColour::kCmyk:
      cmyk_to_rgb(in, rgb);
      break;
    case TiffColour::kPalette:
      std::copy_n(palette[in[0]].data(), 3, rgb);
      break;
    case TiffColour::kInvertedGrey:
      std::fill_n(rgb, 3, static_cast<uint8_t>(255 - in[0]));
      break;
    default:
      std::fill_n(rgb, 3, in[0]);
  }
}

void paint_raster(const TiffFile& file, const TiffLayout& layout, const TiffRaster& raster,
                  StoredImage& stored) {
  const Palette palette =
      layout.colour == TiffColour::kPalette ? read_palette(file, layout.bits) : Palette{};
  const size_t pixels = stored.image.rgb.size() / 3;
  const bool has_alpha = layout.alpha_sample >= 0;
  if (has_alpha) stored.alpha.resize(pixels);
  const uint8_t* in = raster.bytes.data();
  for (size_t i = 0; i < pixels; ++i, in += raster.channels) {
    uint8_t* const rgb = stored.image.rgb.data() + 3 * i;
    paint(in, layout.colour, palette, rgb);
    if (!has_alpha) continue;
    stored.alpha[i] = in[layout.colour_samples];
    if (layout.alpha_is_multiplied) divide_by_alpha(rgb, stored.alpha[i]);
  }
}

/// Colours that libtiff knows more of than we do.
void read_by_libtiff(TiffFile& file, StoredImage& stored) {
  struct Reader : TIFFRGBAImage {
    Reader() : TIFFRGBAImage{} {}
    ~Reader() { TIFFRGBAImageEnd(this); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
  } reader;
  char message[1024] = {};
  file.begin_pixels();
  if (TIFFRGBAImageBegin(&reader, file.handle(), 1, message) == 0) file.throw_unreadable();
  reader.orientation = ORIENTATION_TOPLEFT;  // turned later, like every picture
  reader.req_orientation = ORIENTATION_TOPLEFT;
  const auto width = static_cast<uint32_t>(stored.image.width);
  const auto height = static_cast<uint32_t>(stored.image.height);
  std::vector<uint32_t> pixels(size_t{width} * height);
  if (TIFFRGBAImageGet(&reader, pixels.data(), width, height) == 0) file.throw_unreadable();
  uint8_t* rgb = stored.image.rgb.data();
  for (const uint32_t pixel : pixels) {
    *rgb++ = static_cast<uint8_t>(TIFFGetR(pixel));
    *rgb++ = static_cast<uint8_t>(TIFFGetG(pixel));
    *rgb++ = static_cast<uint8_t>(TIFFGetB(pixel));
  }
}

/// What is shown may not be all that the file is about.
void warn_of_what_is_left_out(const TiffPage& page, const TiffLayout& layout,
                              std::vector<std::string>& warnings) {
  if (page.is_preview) {
    warnings.push_back(
        fmt::format("only a preview of {} x {} is shown: the picture itself is missing, or a "
                    "camera's raw pixels",
                    layout.width, layout.height));
  }
  if (page.has_more) warnings.emplace_back("it has more pages than one: the first is shown");
  if (layout.colour != TiffColour::kByLibtiff && layout.colour_samples == 1 && layout.samples > 1 &&
      layout.alpha_sample < 0) {
    warnings.push_back(fmt::format("it has {} channels: the first is shown", layout.samples));
  }
}

}  // namespace

StoredSize read_tiff_size(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  const TiffFile file(bytes, name, max_allocation(limits));
  choose_tiff_page(file);
  const TiffLayout layout = read_tiff_layout(file);
  return {layout.width, layout.height, layout.orientation};
}

StoredImage decode_tiff(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  TiffFile file(bytes, name, max_allocation(limits));
  const TiffPage page = choose_tiff_page(file);
  const TiffLayout layout = read_tiff_layout(file);
  StoredImage stored;
  stored.image = make_image(layout.width, layout.height, name, limits, bytes_per_pixel(layout));
  stored.orientation = layout.orientation;
  stored.is_deep = layout.bits > 8;
  warn_of_what_is_left_out(page, layout, stored.warnings);
  if (layout.colour == TiffColour::kByLibtiff) {
    read_by_libtiff(file, stored);
  } else {
    TiffRaster raster = read_tiff_raster(file, layout);
    if (layout.has_wide_values()) narrow(raster, layout, stored.warnings);
    paint_raster(file, layout, raster, stored);
  }
  if (!file.pixel_warning().empty()) {
    stored.warnings.push_back("the TIFF may be damaged: " + file.pixel_warning());
  }
  return stored;
}

}  // namespace owl3
