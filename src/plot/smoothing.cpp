#include "plot/smoothing.h"

#include <algorithm>
#include <cmath>

namespace owl3 {

namespace {

/// The tricube weight of a neighbour at `distance`, 1 being where it ends.
double weight_at(double distance) {
  const double rest = 1 - std::abs(distance * distance * distance);
  return rest > 0 ? rest * rest * rest : 0;
}

/// The weighted straight line through the neighbours, at the centre.
double fit_at(const std::vector<double>& values, int64_t centre, int64_t half_width) {
  const auto count = static_cast<int64_t>(values.size());
  double w = 0, wx = 0, wxx = 0, wy = 0, wxy = 0;  // sums of weight times ...
  for (int64_t i = std::max<int64_t>(0, centre - half_width);
       i < std::min(count, centre + half_width + 1); ++i) {
    const double y = values[static_cast<size_t>(i)];
    if (!std::isfinite(y)) continue;
    const auto x = static_cast<double>(i - centre);
    const double weight = weight_at(x / static_cast<double>(half_width + 1));
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
    wy += weight * y;
    wxy += weight * x * y;
  }
  const double determinant = w * wxx - wx * wx;
  if (determinant <= 1e-12 * w * wxx) return wy / w;  // one value
  return (wxx * wy - wx * wxy) / determinant;
}

}  // namespace

std::vector<double> smoothed(const std::vector<double>& values, int64_t half_width) {
  std::vector<double> smooth = values;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) smooth[i] = fit_at(values, static_cast<int64_t>(i), half_width);
  }
  return smooth;
}

}  // namespace owl3
