// Line charts as pictures: several panels, one under the other, each with axes, grid and legend.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "plot/axis.h"

namespace owl3 {

/// A line of a chart. x and y have one length; a y that is not finite leaves a gap.
struct Series {
  std::string name;  // in the legend; empty: not there
  std::vector<double> x;
  std::vector<double> y;
  int colour = 0;        // of a palette that also the colour-blind tell apart; it repeats
  bool faint = false;    // in the background: the raw values behind a smooth curve
  bool markers = false;  // a dot on every point
  bool dashed = false;
};

/// One panel.
struct Chart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  Scale x_scale = Scale::kLinear;
  Scale y_scale = Scale::kLinear;
  std::vector<double> x_ticks;                       // empty: round ones
  std::optional<std::pair<double, double>> y_range;  // empty: what the values need
};

/// The size of one panel, in units of a screen's pixels. PNG pictures have `png_scale` times as
/// many pixels each way.
struct ChartSize {
  int width = 900;
  int height = 380;
  int png_scale = 2;
};

/// Draws the panels into `path`, whose ending, .svg or .png, says how. The file appears whole or
/// not at all. Throws UsageError for another ending, InputError when it cannot be written.
void draw_charts(const std::vector<Chart>& panels, const std::filesystem::path& path,
                 const ChartSize& size = {});

}  // namespace owl3
