// What a TIFF's tags say of its pixels, and whether we can show them.
#pragma once

#include <cstdint>

#include "media/codecs/tiff_file.h"

namespace owl3 {

/// How stored samples are colours.
enum class TiffColour {
  kGrey,
  kInvertedGrey,  // 0 is white
  kPalette,
  kRgb,
  kCmyk,
  kByLibtiff,  // YCbCr and others that libtiff turns into RGB itself
};

struct TiffLayout {
  int64_t width = 0;
  int64_t height = 0;
  TiffColour colour = TiffColour::kGrey;
  uint16_t bits = 1;  // of a sample
  uint16_t sample_format = SAMPLEFORMAT_UINT;
  int samples = 1;         // of a pixel
  int colour_samples = 1;  // the first of them
  int alpha_sample = -1;   // its number, or none
  bool alpha_is_multiplied = false;
  bool planes = false;  // a plane for each sample, instead of pixel by pixel
  int orientation = 1;

  bool is_float() const { return sample_format == SAMPLEFORMAT_IEEEFP; }
  /// Samples whose range has to be found: no plain ones of up to 16 bits.
  bool has_wide_values() const { return sample_format != SAMPLEFORMAT_UINT || bits > 16; }
  /// Bytes of a pixel in the file, at least 1.
  int64_t pixel_bytes() const { return (int64_t{samples} * bits + 7) / 8; }
};

/// Throws InputError, by name, for what can't be shown as it is meant.
TiffLayout read_tiff_layout(const TiffFile& file);

}  // namespace owl3
