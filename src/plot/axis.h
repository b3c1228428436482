// An axis of a chart: its range, round ticks, and where a value falls.
#pragma once

#include <string>
#include <vector>

namespace owl3 {

struct Tick {
  double value = 0;
  std::string label;
};

enum class Scale { kLinear, kLog };

class Axis {
 public:
  /// An axis over the finite `values`. Linear: from and to round numbers. Log: over the positive
  /// ones; where a zero is among them, it stands half a decade left of the smallest.
  Axis(const std::vector<double>& values, Scale scale);
  /// A linear axis over exactly [min, max].
  Axis(double min, double max);

  /// 0 at the axis' beginning, 1 at its end; outside for values beyond them.
  double place(double value) const;
  /// About `wanted` ticks at round values.
  std::vector<Tick> ticks(int wanted) const;
  double min() const { return min_; }
  double max() const { return max_; }
  /// Whether the scale can show it: finite, and not negative on a log axis.
  bool shows(double value) const;

 private:
  double logarithm(double value) const;
  std::vector<Tick> log_ticks(int wanted) const;

  Scale scale_ = Scale::kLinear;
  double min_ = 0;
  double max_ = 1;
  double smallest_ = 1;    // positive value of a log axis
  bool has_zero_ = false;  // on a log axis
};

/// 1, 2 or 5 times a power of ten: the distance of about `wanted` ticks over `range`.
double round_step(double range, int wanted);

/// "0.25", "1,500", "2e-5": as short as tells ticks `step` apart.
std::string tick_label(double value, double step);

}  // namespace owl3
