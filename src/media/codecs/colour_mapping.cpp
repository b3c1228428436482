#include "media/codecs/colour_mapping.h"

#include <algorithm>
#include <cmath>

namespace owl3 {
namespace {

constexpr double kPaperWhiteNits = 203;
constexpr double kPeakNits = 1000;
constexpr double kShoulderStart = 0.93;

double hlg_to_light(double signal) {
  constexpr double a = 0.17883277;
  constexpr double b = 0.28466892;
  constexpr double c = 0.55991073;
  const double scene = signal <= 0.5 ? signal * signal / 3 : (std::exp((signal - c) / a) + b) / 12;
  constexpr double kSystemGamma = 1.2;
  return kPeakNits * std::pow(scene, kSystemGamma) / kPaperWhiteNits;
}

double pq_to_light(double signal) {
  constexpr double m1 = 2610.0 / 16384;
  constexpr double m2 = 2523.0 / 4096 * 128;
  constexpr double c1 = 3424.0 / 4096;
  constexpr double c2 = 2413.0 / 4096 * 32;
  constexpr double c3 = 2392.0 / 4096 * 32;
  const double power = std::pow(signal, 1 / m2);
  const double nits = 10000 * std::pow(std::max(power - c1, 0.0) / (c2 - c3 * power), 1 / m1);
  return nits / kPaperWhiteNits;
}

double srgb_to_light(double signal) {
  return signal <= 0.04045 ? signal / 12.92 : std::pow((signal + 0.055) / 1.055, 2.4);
}

double light_to_srgb(double light) {
  return light <= 0.0031308 ? light * 12.92 : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

/// The gamma of the screen that SDR is made for; what names none is meant for BT.1886's.
double screen_gamma(AVColorTransferCharacteristic transfer) {
  switch (transfer) {
    case AVCOL_TRC_GAMMA22:
      return 2.2;
    case AVCOL_TRC_GAMMA28:
      return 2.8;
    case AVCOL_TRC_SMPTE428:
      return 2.6;
    default:
      return 2.4;
  }
}

double to_light(double signal, AVColorTransferCharacteristic transfer) {
  switch (transfer) {
    case AVCOL_TRC_ARIB_STD_B67:
      return hlg_to_light(signal);
    case AVCOL_TRC_SMPTE2084:
      return pq_to_light(signal);
    case AVCOL_TRC_IEC61966_2_1:
      return srgb_to_light(signal);
    case AVCOL_TRC_LINEAR:
      return signal;
    default:
      return std::pow(signal, screen_gamma(transfer));
  }
}

/// y(t) = t (1 + t / T^2) / (1 + t): slope 1 at 0, 1 at T.
double below_peak(double light) {
  if (light <= kShoulderStart) return light;
  constexpr double kRoom = 1 - kShoulderStart;
  constexpr double kEnd = (kPeakNits / kPaperWhiteNits - kShoulderStart) / kRoom;
  const double t = std::min((light - kShoulderStart) / kRoom, kEnd);
  return kShoulderStart + kRoom * t * (1 + t / (kEnd * kEnd)) / (1 + t);
}

/// The signal, 0 to 1, that shows light on an ordinary screen.
double to_display(double light, AVColorTransferCharacteristic transfer) {
  constexpr double kGamma = 2.2;  // of computer screens, between sRGB's curve and BT.1886's
  switch (transfer) {
    case AVCOL_TRC_ARIB_STD_B67:
    case AVCOL_TRC_SMPTE2084:
      return std::pow(below_peak(light), 1 / kGamma);
    case AVCOL_TRC_IEC61966_2_1:
    case AVCOL_TRC_LINEAR:
      return light_to_srgb(light);
    default:
      return std::pow(light, 1 / screen_gamma(transfer));
  }
}

// Light in the named primaries to light in BT.709's, both with white D65. The matrix of BT.2020 is
// that of ITU-R BT.2087; P3's follows from its chromaticities in the same way. DCI's white is taken
// for D65: white shall be white.
constexpr std::array<float, 9> kFromBt2020 = {1.660491F,  -0.587641F, -0.072850F,  //
                                              -0.124551F, 1.132900F,  -0.008349F,  //
                                              -0.018151F, -0.100579F, 1.118730F};
constexpr std::array<float, 9> kFromP3 = {1.224940F,  -0.224940F, 0.0F,  //
                                          -0.042057F, 1.042057F,  0.0F,  //
                                          -0.019638F, -0.078636F, 1.098274F};
constexpr std::array<float, 9> kFromBt709 = {1, 0, 0, 0, 1, 0, 0, 0, 1};

AVColorPrimaries primaries_of(const ColourMarks& marks) {
  const bool named =
      marks.primaries != AVCOL_PRI_UNSPECIFIED && marks.primaries != AVCOL_PRI_RESERVED;
  return !named && is_hdr(marks) ? AVCOL_PRI_BT2020 : marks.primaries;
}

const std::array<float, 9>& matrix_to_bt709(const ColourMarks& marks) {
  switch (primaries_of(marks)) {
    case AVCOL_PRI_BT2020:
      return kFromBt2020;
    case AVCOL_PRI_SMPTE431:
    case AVCOL_PRI_SMPTE432:
      return kFromP3;
    default:
      return kFromBt709;
  }
}

}  // namespace

bool is_hdr(const ColourMarks& marks) {
  return marks.transfer == AVCOL_TRC_ARIB_STD_B67 || marks.transfer == AVCOL_TRC_SMPTE2084;
}

bool is_wide_gamut(const ColourMarks& marks) {
  return &matrix_to_bt709(marks) != &kFromBt709;
}

ColourMapping::ColourMapping(const ColourMarks& marks) : to_bt709_(matrix_to_bt709(marks)) {
  light_.resize(kLightSteps);
  for (int i = 0; i < kLightSteps; ++i) {
    const double signal = i / double{kLightSteps - 1};
    light_[static_cast<size_t>(i)] = static_cast<float>(to_light(signal, marks.transfer));
  }
  brightest_ = is_hdr(marks) ? static_cast<float>(kPeakNits / kPaperWhiteNits) : 1.0F;
  display_.resize(kDisplaySteps + 1);
  for (int i = 0; i <= kDisplaySteps; ++i) {
    const double root = i / double{kDisplaySteps};
    const double light = root * root * double{brightest_};
    const double shown = 255 * to_display(light, marks.transfer);
    display_[static_cast<size_t>(i)] = static_cast<uint8_t>(std::lround(shown));
  }
}

void ColourMapping::map(const uint16_t* red, const uint16_t* green, const uint16_t* blue, int count,
                        uint8_t* rgb) const {
  const float* const light = light_.data();
  const uint8_t* const display = display_.data();
  const float scale = 1 / brightest_;
  for (int i = 0; i < count; ++i) {
    const float r = light[red[i]];
    const float g = light[green[i]];
    const float b = light[blue[i]];
    for (int channel = 0; channel < 3; ++channel) {
      const float* row = to_bt709_.data() + 3 * channel;
      const float linear = (row[0] * r + row[1] * g + row[2] * b) * scale;
      const float root = std::sqrt(std::clamp(linear, 0.0F, 1.0F));
      rgb[3 * i + channel] = display[static_cast<int>(root * kDisplaySteps + 0.5F)];
    }
  }
}

}  // namespace owl3
