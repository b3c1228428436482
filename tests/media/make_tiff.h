// TIFF files of many kinds, written by libtiff.
#pragma once

#include <tiffio.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "media/image.h"
#include "test_files.h"

namespace owl3::test {

struct TiffKind {
  int compression = COMPRESSION_NONE;
  int photometric = PHOTOMETRIC_RGB;
  int bits = 8;
  int format = SAMPLEFORMAT_UINT;
  int samples = 3;
  int extra = -1;  // the last sample's kind: EXTRASAMPLE_...
  bool planes = false;
  bool tiles = false;
  std::string mode = "w";  // "w8": BigTIFF, "wb": big-endian
  int orientation = 0;
  uint32_t subfile = 0;
};

/// A sample's value: 0..1 of integers, as it is of floats.
using TiffValue = std::function<double(int x, int y, int sample)>;

inline void append_sample(std::vector<uint8_t>& out, const TiffKind& kind, double value) {
  const auto append = [&](auto number) {
    uint8_t bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    out.insert(out.end(), bytes, bytes + sizeof number);
  };
  if (kind.format == SAMPLEFORMAT_IEEEFP) {
    if (kind.bits == 64) return append(value);
    if (kind.bits == 32) return append(static_cast<float>(value));
    // Halves of whole 1/1024ths below 2 are exact.
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    const bool is_zero = value == 0;
    return append(static_cast<uint16_t>(
        is_zero ? 0 : ((exponent + 14) << 10) + static_cast<int>(fraction * 2048) - 1024));
  }
  const double whole = std::round(value * (std::exp2(kind.bits) - 1));
  if (kind.bits == 8) return append(static_cast<uint8_t>(whole));
  if (kind.bits == 16) return append(static_cast<uint16_t>(whole));
  append(static_cast<uint32_t>(whole));
}

/// Writes one page.
inline void write_tiff_page(TIFF* tiff, int width, int height, const TiffKind& kind,
                            const TiffValue& value) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<uint32_t>(width));
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<uint32_t>(height));
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, kind.bits);
  TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, kind.format);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, static_cast<uint16_t>(kind.samples));
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, kind.compression);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, kind.photometric);
  if (kind.photometric == PHOTOMETRIC_YCBCR) {
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  if (kind.compression == COMPRESSION_JPEG) TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, 98);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG,
               kind.planes ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  if (kind.subfile != 0) TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, kind.subfile);
  if (kind.orientation != 0) TIFFSetField(tiff, TIFFTAG_ORIENTATION, kind.orientation);
  if (kind.extra >= 0) {
    const auto extra = static_cast<uint16_t>(kind.extra);
    TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, uint16_t{1}, &extra);
  }
  constexpr int kBlock = 16;
  const int across = kind.tiles ? kBlock : width;
  if (kind.tiles) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, uint32_t{kBlock});
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, uint32_t{kBlock});
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, uint32_t{kBlock});
  }
  const int planes = kind.planes ? kind.samples : 1;
  uint32_t block = 0;
  for (int plane = 0; plane < planes; ++plane) {
    for (int top = 0; top < height; top += kBlock) {
      for (int left = 0; left < width; left += across) {
        std::vector<uint8_t> data;
        const int rows = kind.tiles ? kBlock : std::min(kBlock, height - top);
        for (int y = top; y < top + rows; ++y) {
          for (int x = left; x < left + across; ++x) {
            for (int s = 0; s < (kind.planes ? 1 : kind.samples); ++s) {
              append_sample(
                  data, kind,
                  value(std::min(x, width - 1), std::min(y, height - 1), kind.planes ? plane : s));
            }
          }
        }
        const auto size = static_cast<tmsize_t>(data.size());
        const tmsize_t written = kind.tiles ? TIFFWriteEncodedTile(tiff, block, data.data(), size)
                                            : TIFFWriteEncodedStrip(tiff, block, data.data(), size);
        EXPECT_EQ(written, size);
        ++block;
      }
    }
  }
  EXPECT_NE(TIFFWriteDirectory(tiff), 0);
}

/// A file of one page.
inline std::vector<std::byte> make_tiff(int width, int height, const TiffKind& kind,
                                        const TiffValue& value) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "made.tif";
  TIFF* tiff = TIFFOpen(path.c_str(), kind.mode.c_str());
  write_tiff_page(tiff, width, height, kind, value);
  TIFFClose(tiff);
  return read_file(path);
}

}  // namespace owl3::test
