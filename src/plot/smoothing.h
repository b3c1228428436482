// The smooth curve through noisy values.
#pragma once

#include <cstdint>
#include <vector>

namespace owl3 {

/// At each value the straight line that fits it and its neighbours best, those within
/// `half_width` places with weights that fall to 0 there: the curve neither lags behind the values
/// nor bends at the ends. Values that are not finite stay as they are and don't count.
std::vector<double> smoothed(const std::vector<double>& values, int64_t half_width);

}  // namespace owl3
