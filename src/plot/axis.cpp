#include "plot/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace owl3 {

namespace {

constexpr double kZeroGap = 0.5;  // decades between zero and the smallest value of a log axis

std::string with_commas(std::string digits) {
  const size_t begin = digits.starts_with('-') ? 1 : 0;
  const size_t end = std::min(digits.find('.'), digits.size());
  for (size_t at = end; at > begin + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

/// "3e-5" instead of "3.0e-05".
std::string scientific(double value, int decimals) {
  std::string text = fmt::format("{:.{}e}", value, decimals);
  const size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  while (mantissa.find('.') != mantissa.npos &&
         (mantissa.back() == '0' || mantissa.back() == '.')) {
    mantissa.pop_back();
  }
  return fmt::format("{}e{}", mantissa, std::stoi(text.substr(e + 1)));
}

}  // namespace

double round_step(double range, int wanted) {
  const double raw = range / std::max(1, wanted);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string tick_label(double value, double step) {
  if (std::abs(value) < step * 1e-6) return "0";
  const double size = std::max(std::abs(value), step);
  if (size >= 1e6 || step < 1e-3) {
    const int decimals = static_cast<int>(std::ceil(std::log10(std::abs(value) / step) - 1e-9));
    return scientific(value, std::clamp(decimals, 0, 6));
  }
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return with_commas(fmt::format("{:.{}f}", value, decimals));
}

Axis::Axis(double min, double max) : min_(min), max_(max) {}

Axis::Axis(const std::vector<double>& values, Scale scale) : scale_(scale) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  smallest_ = low;
  for (const double value : values) {
    if (!shows(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
    if (value > 0) smallest_ = std::min(smallest_, value);
    if (value == 0) has_zero_ = true;
  }
  if (scale == Scale::kLog) {
    if (!std::isfinite(smallest_)) smallest_ = 1;
    if (!(high > smallest_)) high = smallest_ * 10;
    min_ = has_zero_ ? 0 : smallest_;
    max_ = high;
    return;
  }
  if (!(low <= high)) return;  // nothing to show: 0 to 1
  if (low == high) {           // one value: room around it
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room;
    high += room;
  }
  const double step = round_step(high - low, 6);
  min_ = std::floor(low / step + 1e-9) * step;
  max_ = std::ceil(high / step - 1e-9) * step;
}

bool Axis::shows(double value) const {
  return std::isfinite(value) && (scale_ == Scale::kLinear || value >= 0);
}

double Axis::logarithm(double value) const {
  return value > 0 ? std::log10(value) : std::log10(smallest_) - kZeroGap;
}

double Axis::place(double value) const {
  if (scale_ == Scale::kLinear) return (value - min_) / (max_ - min_);
  return (logarithm(value) - logarithm(min_)) / (logarithm(max_) - logarithm(min_));
}

std::vector<Tick> Axis::ticks(int wanted) const {
  if (scale_ == Scale::kLog) return log_ticks(wanted);
  const double step = round_step(max_ - min_, wanted);
  std::vector<Tick> ticks;
  for (double i = std::ceil(min_ / step - 1e-9); i * step <= max_ + step * 1e-9; ++i) {
    ticks.push_back({i * step, tick_label(i * step, step)});
  }
  return ticks;
}

std::vector<Tick> Axis::log_ticks(int wanted) const {
  std::vector<Tick> ticks;
  if (has_zero_) ticks.push_back({0, "0"});
  const double decades = std::log10(max_ / smallest_);
  const std::vector<double> factors =
      decades * 3 <= wanted ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
  for (double power = std::floor(std::log10(smallest_)); power <= std::log10(max_) + 1e-9;
       ++power) {
    for (const double factor : factors) {
      const double value = factor * std::pow(10.0, power);
      if (value < smallest_ * (1 - 1e-9) || value > max_ * (1 + 1e-9)) continue;
      ticks.push_back({value, tick_label(value, value)});
    }
  }
  return ticks;
}

}  // namespace owl3
