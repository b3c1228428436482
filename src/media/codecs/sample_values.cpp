#include "media/codecs/sample_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace owl3 {
namespace {

struct Statistics {
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();
  int64_t count = 0;       // of finite values
  int64_t above_full = 0;  // of these, values above the full scale
};

Statistics look_at(std::span<const float> values, size_t channels, size_t colours,
                   double full_scale) {
  Statistics statistics;
  for (size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    if (i % channels >= colours || !std::isfinite(value)) continue;
    statistics.least = std::min<double>(statistics.least, value);
    statistics.greatest = std::max<double>(statistics.greatest, value);
    ++statistics.count;
    if (value > full_scale) ++statistics.above_full;
  }
  return statistics;
}

/// Of floats almost all must lie in [0, 1]: a resampled picture goes a little beyond, and one of
/// high dynamic range has its lights there. Of integers some must come near the type's end.
bool uses_full_scale(const Statistics& statistics, const ValueType& type) {
  constexpr double kBelowZero = 0.1;
  constexpr double kMostAbove = 0.01;
  if (statistics.least < -kBelowZero * type.full_scale) return false;
  if (!type.is_float) return statistics.greatest >= type.full_scale / 8;
  return static_cast<double>(statistics.above_full) <=
         kMostAbove * static_cast<double>(statistics.count);
}

}  // namespace

uint8_t ValueRange::to_byte(double value) const {
  if (std::isnan(value) || white <= black) return 0;
  const double byte = std::round((value - black) / (white - black) * 255);
  return static_cast<uint8_t>(std::clamp(byte, 0.0, 255.0));
}

ValueRange choose_range(std::span<const float> values, size_t channels, size_t colours,
                        const ValueType& type) {
  const Statistics statistics = look_at(values, channels, colours, type.full_scale);
  if (statistics.count == 0) return {0, type.full_scale, "it holds not one number"};
  if (uses_full_scale(statistics, type)) return {0, type.full_scale};
  constexpr double kLeastWhiteByte = 64;
  if (statistics.least >= -0.5 && statistics.greatest >= kLeastWhiteByte &&
      statistics.greatest < 255.5) {
    return {0, 255};
  }
  return {statistics.least, statistics.greatest,
          fmt::format("its values reach from {:.6g} to {:.6g}; they are shown from black to white",
                      statistics.least, statistics.greatest)};
}

}  // namespace owl3
