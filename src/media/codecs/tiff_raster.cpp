#include "media/codecs/tiff_raster.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/byte_text.h"
#include "core/error.h"

namespace owl3 {
namespace {

template <typename T>
T load(const uint8_t* row, int64_t sample) {
  T value;
  std::memcpy(&value, row + sample * static_cast<int64_t>(sizeof(T)), sizeof value);
  return value;
}

/// IEEE 754 half precision.
float half_to_float(uint16_t half) {
  const int exponent = half >> 10 & 0x1f;
  const int fraction = half & 0x3ff;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 0x1f) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

/// Samples that are no whole bytes are packed from the high bit on; rows begin at a byte.
uint32_t load_bits(const uint8_t* row, int64_t sample, int bits) {
  uint32_t value = 0;
  const int64_t first = sample * bits;
  for (int64_t bit = first; bit < first + bits; ++bit) {
    value = value << 1 | (row[bit >> 3] >> (7 - (bit & 7)) & 1U);
  }
  return value;
}

/// An unsigned sample of up to 16 bits. libtiff has turned whole bytes to the machine's order.
uint32_t load_plain(const uint8_t* row, int64_t sample, int bits) {
  if (bits == 8) return row[sample];
  if (bits == 16) return load<uint16_t>(row, sample);
  return load_bits(row, sample, bits);
}

float load_wide(const uint8_t* row, int64_t sample, const TiffLayout& layout) {
  const int bits = layout.bits;
  if (layout.is_float()) {
    if (bits == 16) return half_to_float(load<uint16_t>(row, sample));
    return bits == 32 ? load<float>(row, sample) : static_cast<float>(load<double>(row, sample));
  }
  const bool is_signed = layout.sample_format == SAMPLEFORMAT_INT;
  switch (bits) {
    case 8:
      return load<int8_t>(row, sample);  // plain ones are no wide values
    case 16:
      return load<int16_t>(row, sample);
    case 24:
      return static_cast<float>(row[3 * sample] | row[3 * sample + 1] << 8 |
                                row[3 * sample + 2] << 16);
    case 32:
      return is_signed ? static_cast<float>(load<int32_t>(row, sample))
                       : static_cast<float>(load<uint32_t>(row, sample));
    default:
      return is_signed ? static_cast<float>(load<int64_t>(row, sample))
                       : static_cast<float>(load<uint64_t>(row, sample));
  }
}

/// Puts pieces of rows, as strips and tiles have them, to their place.
class RasterWriter {
 public:
  explicit RasterWriter(const TiffLayout& layout) : layout_(layout) {
    for (int sample = 0; sample < layout.colour_samples; ++sample) samples_.push_back(sample);
    if (layout.alpha_sample >= 0) samples_.push_back(layout.alpha_sample);
    raster_.channels = static_cast<int>(samples_.size());
    const auto size = static_cast<size_t>(layout.width * layout.height) * samples_.size();
    if (layout.has_wide_values()) {
      raster_.values.resize(size);
    } else {
      raster_.bytes.resize(size);
    }
  }

  bool wants_plane(int plane) const {
    return std::find(samples_.begin(), samples_.end(), plane) != samples_.end();
  }

  /// `count` pixels from (x, y) on; `row` begins with the one at x. Of one plane, or of all
  /// samples.
  void put(const uint8_t* row, int64_t x, int64_t y, int64_t count, int plane) {
    for (size_t channel = 0; channel < samples_.size(); ++channel) {
      if (layout_.planes && samples_[channel] != plane) continue;
      const int64_t first = layout_.planes ? 0 : samples_[channel];
      const int64_t step = layout_.planes ? 1 : layout_.samples;
      put_channel(row, first, step,
                  (y * layout_.width + x) * raster_.channels + static_cast<int64_t>(channel),
                  count);
    }
  }

  TiffRaster take() { return std::move(raster_); }

 private:
  void put_channel(const uint8_t* row, int64_t first, int64_t step, int64_t target, int64_t count) {
    for (int64_t i = 0; i < count; ++i, target += raster_.channels) {
      const int64_t sample = first + i * step;
      if (layout_.has_wide_values()) {
        raster_.values[static_cast<size_t>(target)] = load_wide(row, sample, layout_);
      } else {
        raster_.bytes[static_cast<size_t>(target)] = to_byte(load_plain(row, sample, layout_.bits));
      }
    }
  }

  uint8_t to_byte(uint32_t value) const {
    const int bits = layout_.bits;
    if (bits >= 8) return static_cast<uint8_t>(value >> (bits - 8));
    if (layout_.colour == TiffColour::kPalette) return static_cast<uint8_t>(value);
    return static_cast<uint8_t>(value * 255 / ((1U << bits) - 1));
  }

  const TiffLayout& layout_;
  std::vector<int> samples_;  // that become channels
  TiffRaster raster_;
};

/// Room for a strip or tile, which may be larger than the picture, but not by much.
std::vector<uint8_t> make_block(const TiffFile& file, const TiffLayout& layout, uint64_t bytes) {
  constexpr int64_t kLeast = int64_t{64} << 20;
  const int64_t most = std::max(kLeast, 2 * layout.width * layout.height * layout.pixel_bytes());
  if (bytes == 0) file.throw_unreadable();
  if (bytes > static_cast<uint64_t>(most)) {
    file.throw_unsupported(fmt::format("strips or tiles of {}", byte_text(bytes)));
  }
  return std::vector<uint8_t>(bytes);
}

void check_read(const TiffFile& file, int64_t bytes, int64_t wanted) {
  if (bytes < wanted) file.throw_unreadable();
}

void read_strips(const TiffFile& file, const TiffLayout& layout, int plane, RasterWriter& writer) {
  TIFF* const tiff = file.handle();
  const int64_t rows_per_strip =
      std::min<int64_t>(file.number<uint32_t>(TIFFTAG_ROWSPERSTRIP, UINT32_MAX), layout.height);
  if (rows_per_strip <= 0) file.throw_unreadable();
  std::vector<uint8_t> strip = make_block(file, layout, TIFFStripSize64(tiff));
  const int64_t row_bytes = TIFFScanlineSize(tiff);
  for (int64_t y = 0; y < layout.height; y += rows_per_strip) {
    const int64_t rows = std::min(rows_per_strip, layout.height - y);
    const uint32_t number =
        TIFFComputeStrip(tiff, static_cast<uint32_t>(y), static_cast<uint16_t>(plane));
    const int64_t wanted = rows * row_bytes;
    if (wanted > static_cast<int64_t>(strip.size())) file.throw_unreadable();
    check_read(file, TIFFReadEncodedStrip(tiff, number, strip.data(), wanted), wanted);
    for (int64_t row = 0; row < rows; ++row) {
      writer.put(strip.data() + row * row_bytes, 0, y + row, layout.width, plane);
    }
  }
}

void read_tiles(const TiffFile& file, const TiffLayout& layout, int plane, RasterWriter& writer) {
  TIFF* const tiff = file.handle();
  const int64_t tile_width = file.number<uint32_t>(TIFFTAG_TILEWIDTH, 0);
  const int64_t tile_height = file.number<uint32_t>(TIFFTAG_TILELENGTH, 0);
  if (tile_width <= 0 || tile_height <= 0) file.throw_unreadable();
  std::vector<uint8_t> tile = make_block(file, layout, TIFFTileSize64(tiff));
  const int64_t row_bytes = TIFFTileRowSize(tiff);
  if (row_bytes * tile_height > static_cast<int64_t>(tile.size())) file.throw_unreadable();
  for (int64_t y = 0; y < layout.height; y += tile_height) {
    for (int64_t x = 0; x < layout.width; x += tile_width) {
      const uint32_t number =
          TIFFComputeTile(tiff, static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0,
                          static_cast<uint16_t>(plane));
      const auto size = static_cast<tmsize_t>(tile.size());
      check_read(file, TIFFReadEncodedTile(tiff, number, tile.data(), size), size);
      const int64_t rows = std::min(tile_height, layout.height - y);
      const int64_t columns = std::min(tile_width, layout.width - x);
      for (int64_t row = 0; row < rows; ++row) {
        writer.put(tile.data() + row * row_bytes, x, y + row, columns, plane);
      }
    }
  }
}

}  // namespace

TiffRaster read_tiff_raster(TiffFile& file, const TiffLayout& layout) {
  file.begin_pixels();
  RasterWriter writer(layout);
  for (int plane = 0; plane < (layout.planes ? layout.samples : 1); ++plane) {
    if (layout.planes && !writer.wants_plane(plane)) continue;
    if (TIFFIsTiled(file.handle()) != 0) {
      read_tiles(file, layout, plane, writer);
    } else {
      read_strips(file, layout, plane, writer);
    }
  }
  return writer.take();
}

}  // namespace owl3
