#include "plot/chart.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "plot/canvas.h"

namespace owl3 {

namespace {

constexpr ChartColour kInk = {0.13, 0.13, 0.15};
constexpr ChartColour kSoftInk = {0.38, 0.38, 0.42};
constexpr ChartColour kGrid = {0.90, 0.90, 0.92};
constexpr ChartColour kFrame = {0.62, 0.62, 0.66};

// Okabe and Ito's palette, which people with any kind of colour vision tell apart.
constexpr std::array<ChartColour, 7> kPalette = {
    ChartColour{0.00, 0.45, 0.70}, ChartColour{0.84, 0.37, 0.00}, ChartColour{0.00, 0.62, 0.45},
    ChartColour{0.80, 0.47, 0.65}, ChartColour{0.90, 0.62, 0.00}, ChartColour{0.34, 0.71, 0.91},
    ChartColour{0.25, 0.25, 0.25}};

constexpr double kLabelSize = 12;
constexpr double kTitleSize = 15;
constexpr double kLegendSize = 12;
constexpr double kLegendLine = 19;

ChartColour colour_of(const Series& series) {
  ChartColour colour = kPalette[static_cast<size_t>(series.colour) % kPalette.size()];
  if (series.faint) colour.opacity = 0.25;
  return colour;
}

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

/// Draws one chart into its part of the canvas.
class Panel {
 public:
  Panel(Canvas& canvas, const Chart& chart, const Box& place)
      : canvas_(canvas), chart_(chart), place_(place), x_(x_axis()), y_(y_axis()) {}

  /// How far from the panel's left edge its y axis must stand at least.
  double left_margin() {
    lay_out(0);
    canvas_.set_font(kLabelSize);
    double widest = 0;
    for (const Tick& tick : y_ticks()) widest = std::max(widest, canvas_.text_width(tick.label));
    return widest + (chart_.y_label.empty() ? 24 : 46);
  }

  void draw(double left) {
    lay_out(left);
    draw_title_and_legend();
    draw_axes();
    cairo_save(canvas_.pen());
    constexpr double kRoom = 4;  // for dots on the edge
    cairo_rectangle(canvas_.pen(), plot_.left - kRoom, plot_.top - kRoom,
                    plot_.right - plot_.left + 2 * kRoom, plot_.bottom - plot_.top + 2 * kRoom);
    cairo_clip(canvas_.pen());
    for (const bool faint : {true, false}) {  // what is faint lies behind
      for (const Series& series : chart_.series) {
        if (series.faint == faint) draw_series(series);
      }
    }
    cairo_restore(canvas_.pen());
  }

 private:
  /// All x (or y) of points that are shown.
  std::vector<double> values(bool of_y) const {
    std::vector<double> all;
    for (const Series& series : chart_.series) {
      OWL3_CHECK(series.x.size() == series.y.size());
      for (size_t i = 0; i < series.x.size(); ++i) {
        if (std::isfinite(series.y[i])) all.push_back(of_y ? series.y[i] : series.x[i]);
      }
    }
    return all;
  }

  Axis x_axis() const {
    const std::vector<double> all = values(false);
    if (chart_.x_scale == Scale::kLog || all.empty()) return Axis(all, chart_.x_scale);
    const auto [low, high] = std::minmax_element(all.begin(), all.end());
    // Curves fill the width; only the y axis is rounded to its ticks.
    return *low < *high ? Axis(*low, *high) : Axis(all, Scale::kLinear);
  }

  Axis y_axis() const {
    if (chart_.y_range) return Axis(chart_.y_range->first, chart_.y_range->second);
    return Axis(values(true), chart_.y_scale);
  }

  std::vector<Tick> x_ticks() const {
    if (chart_.x_ticks.empty()) return x_.ticks(static_cast<int>((plot_.right - plot_.left) / 90));
    std::vector<Tick> ticks;
    for (const double value : chart_.x_ticks) ticks.push_back({value, tick_label(value, 1)});
    return ticks;
  }

  std::vector<Tick> y_ticks() const {
    return y_.ticks(std::max(2, static_cast<int>((plot_.bottom - plot_.top) / 45)));
  }

  /// Names of the legend, cut into lines that fit the width.
  std::vector<std::vector<const Series*>> legend_lines() {
    std::vector<std::vector<const Series*>> lines;
    double used = 0;
    canvas_.set_font(kLegendSize);
    for (const Series& series : chart_.series) {
      if (series.name.empty()) continue;
      const double width = canvas_.text_width(series.name) + 46;
      if (lines.empty() || used + width > place_.right - place_.left - 100) {
        lines.emplace_back();
        used = 0;
      }
      lines.back().push_back(&series);
      used += width;
    }
    return lines;
  }

  void lay_out(double left) {
    plot_ = place_;
    plot_.left += left;
    plot_.top += 14;
    if (!chart_.title.empty()) plot_.top += kTitleSize + 10;
    plot_.top += static_cast<double>(legend_lines().size()) * kLegendLine;
    plot_.bottom -= chart_.x_label.empty() ? 30 : 50;
    plot_.right -= 24;
  }

  void draw_title_and_legend() {
    double y = place_.top + 12;
    if (!chart_.title.empty()) {
      canvas_.set_font(kTitleSize, true);
      canvas_.text(plot_.left, y += kTitleSize, chart_.title, Anchor::kLeft, kInk);
      y += 8;
    }
    canvas_.set_font(kLegendSize);
    for (const auto& line : legend_lines()) {
      double x = plot_.left;
      y += kLegendLine;
      for (const Series* series : line) {
        draw_legend_sign(*series, x, y - 8);
        canvas_.set_font(kLegendSize);
        canvas_.text(x + 28, y - 4, series->name, Anchor::kLeft, kInk);
        x += canvas_.text_width(series->name) + 46;
      }
    }
  }

  void draw_legend_sign(const Series& series, double x, double y) {
    set_dashes(series);
    canvas_.line(x, y, x + 22, y, colour_of(series), 2);
    cairo_set_dash(canvas_.pen(), nullptr, 0, 0);
    if (series.markers) canvas_.dot(x + 11, y, 3.2, colour_of(series));
  }

  void draw_axes() {
    canvas_.set_font(kLabelSize);
    double free_from = -1e9;  // labels on the x axis never touch
    for (const Tick& tick : x_ticks()) {
      const double x = x_of(tick.value);
      if (x < plot_.left - 0.5 || x > plot_.right + 0.5) continue;
      canvas_.line(x, plot_.top, x, plot_.bottom, kGrid, 1);
      canvas_.line(x, plot_.bottom, x, plot_.bottom + 4, kFrame, 1);
      const double width = canvas_.text_width(tick.label);
      if (x - width / 2 < free_from) continue;
      canvas_.text(x, plot_.bottom + 18, tick.label, Anchor::kCentre, kSoftInk);
      free_from = x + width / 2 + 8;
    }
    for (const Tick& tick : y_ticks()) {
      const double y = y_of(tick.value);
      canvas_.line(plot_.left, y, plot_.right, y, kGrid, 1);
      canvas_.text(plot_.left - 8, y + 4, tick.label, Anchor::kRight, kSoftInk);
    }
    canvas_.line(plot_.left, plot_.bottom, plot_.right, plot_.bottom, kFrame, 1);
    canvas_.line(plot_.left, plot_.top, plot_.left, plot_.bottom, kFrame, 1);
    canvas_.text((plot_.left + plot_.right) / 2, plot_.bottom + 40, chart_.x_label, Anchor::kCentre,
                 kInk);
    canvas_.text_upwards(place_.left + 22, (plot_.top + plot_.bottom) / 2, chart_.y_label, kInk);
  }

  void set_dashes(const Series& series) {
    constexpr double kDashes[] = {6, 4};
    cairo_set_dash(canvas_.pen(), kDashes, series.dashed ? 2 : 0, 0);
  }

  void draw_series(const Series& series) {
    const ChartColour colour = colour_of(series);
    canvas_.set_colour(colour);
    cairo_set_line_width(canvas_.pen(), series.faint ? 1.2 : 2);
    set_dashes(series);
    bool drawing = false;  // from a point before
    for (size_t i = 0; i < series.x.size(); ++i) {
      const bool shown = x_.shows(series.x[i]) && y_.shows(series.y[i]);
      if (shown && drawing) cairo_line_to(canvas_.pen(), x_of(series.x[i]), y_of(series.y[i]));
      if (shown && !drawing) cairo_move_to(canvas_.pen(), x_of(series.x[i]), y_of(series.y[i]));
      drawing = shown;
    }
    cairo_stroke(canvas_.pen());
    cairo_set_dash(canvas_.pen(), nullptr, 0, 0);
    if (!series.markers) return;
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (!x_.shows(series.x[i]) || !y_.shows(series.y[i])) continue;
      canvas_.dot(x_of(series.x[i]), y_of(series.y[i]), 3.2, colour);
    }
  }

  double x_of(double value) const {
    return plot_.left + x_.place(value) * (plot_.right - plot_.left);
  }
  double y_of(double value) const {
    return plot_.bottom - y_.place(value) * (plot_.bottom - plot_.top);
  }

  Canvas& canvas_;
  const Chart& chart_;
  Box place_;  // what the panel may use
  Axis x_;
  Axis y_;
  Box plot_;  // what lies between the axes
};

}  // namespace

void draw_charts(const std::vector<Chart>& panels, const std::filesystem::path& path,
                 const ChartSize& size) {
  const int count = static_cast<int>(panels.size());
  Canvas canvas(path, size.width, std::max(1, count) * size.height, size.png_scale);
  std::vector<Panel> drawn;
  for (int i = 0; i < count; ++i) {
    const Box place = {0, static_cast<double>(i * size.height), static_cast<double>(size.width),
                       static_cast<double>((i + 1) * size.height)};
    drawn.emplace_back(canvas, panels[static_cast<size_t>(i)], place);
  }
  double left = 0;  // all panels' y axes stand one under the other
  for (Panel& panel : drawn) left = std::max(left, panel.left_margin());
  for (Panel& panel : drawn) panel.draw(left);
  canvas.commit();
}

}  // namespace owl3
