// Colours of films that ordinary screens can't show, as those they can: HDR (HLG and PQ) and wide
// gamuts (BT.2020, P3) in the colours of BT.709 and sRGB.
#pragma once

extern "C" {
#include <libavutil/pixfmt.h>
}

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace owl3 {

/// What a frame says of its colours.
struct ColourMarks {
  AVColorTransferCharacteristic transfer = AVCOL_TRC_UNSPECIFIED;
  AVColorPrimaries primaries = AVCOL_PRI_UNSPECIFIED;
  bool operator==(const ColourMarks&) const = default;
};

bool is_hdr(const ColourMarks& marks);
/// BT.2020 or P3; HDR that names no primaries has those of BT.2020.
bool is_wide_gamut(const ColourMarks& marks);

/// From R'G'B' of the film to R'G'B' of ordinary screens, in three steps.
///
/// 1. To light, 1.0 being the white of paper. HDR: HLG (BT.2100 for a screen of 1000 nits; its
/// system
///    gamma of 1.2 is applied to each channel, as FFmpeg's filters do, not to luminance) and PQ
///    (SMPTE ST 2084) give nits, of which 203 are that white (BT.2408). SDR: by its screen's gamma.
/// 2. From the film's primaries to BT.709's; what lies outside is cut off.
/// 3. HDR: up to 0.93 as it is, from there to 1000 nits on a shoulder (Reinhard's) that ends at 1.0
///    and has no corner, so that 203 nits become 251 of 255 and clouds keep some form; then
///    gamma 2.2. SDR: back by the gamma it came with, so that greys stay as they are; light itself
///    becomes sRGB.
///
/// All curves are tables.
class ColourMapping {
 public:
  explicit ColourMapping(const ColourMarks& marks);

  /// `count` pixels, 16 bits a channel, to 8-bit RGB.
  void map(const uint16_t* red, const uint16_t* green, const uint16_t* blue, int count,
           uint8_t* rgb) const;

 private:
  // A step of PQ in 12 bits would show: where primaries differ, dark is a difference of brights.
  static constexpr int kLightSteps = 1 << 16;
  static constexpr int kDisplaySteps = 1 << 12;  // of the square root of light

  std::vector<float> light_;         // [kLightSteps]
  std::array<float, 9> to_bt709_{};  // row by row
  float brightest_ = 1;              // light that display_ ends with
  std::vector<uint8_t> display_;     // [kDisplaySteps + 1]
};

}  // namespace owl3
