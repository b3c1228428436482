#include "cli/bench/bench_measurement.h"

#include <algorithm>

namespace owl3::cli {

double Measurement::median() const {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double Measurement::fastest() const {
  return *std::min_element(seconds.begin(), seconds.end());
}

double Measurement::spread() const {
  const auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
  return (*most - *least) / 2 / median();
}

}  // namespace owl3::cli
