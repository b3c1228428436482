#include "draw/eval_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <set>
#include <string_view>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/json_reader.h"
#include "plot/axis.h"
#include "plot/chart.h"

namespace owl3::draw {

namespace {

constexpr size_t kMaxReportBytes = size_t{16} << 20;
constexpr double kMost = 1e18;
constexpr std::string_view kStandardInput = "-";

nlohmann::json read_standard_input() {
  std::string text;
  std::array<char, 1 << 14> part;
  while (const size_t got = std::fread(part.data(), 1, part.size(), stdin)) {
    text.append(part.data(), got);
    if (text.size() > kMaxReportBytes) break;  // as much as is needed to refuse it
  }
  return parse_json_object(text, "standard input", kMaxReportBytes);
}

nlohmann::json read_json_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  return parse_json_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path,
                           kMaxReportBytes);
}

EvalCurves::Point point_of(const JsonReader& cell) {
  const auto number = [&](const char* key) {
    const auto value = cell.optional_number(key, 0, kMost);
    if (!value) cell.fail(key, "is missing");
    return *value;
  };
  const auto by = pointing_of(cell.optional_string("by").value_or(""));
  if (!by) cell.fail("by", "is neither content nor number");
  return {*by,
          number("distractors"),
          number("accuracy"),
          cell.optional_number("led", 0, 1),
          number("first_token_seconds"),
          number("visual_memory_bytes")};
}

/// A model's colour tells it from others, a dashed line pointing by number; a model alone has
/// colours for the ways of pointing.
template <typename Value>
void add_lines(Chart& chart, const EvalCurves& model, int index, bool alone, const Value& value) {
  for (const Pointing by : {Pointing::kContent, Pointing::kNumber}) {
    Series series;
    series.name = fmt::format("{}{}by {}", model.name, model.name.empty() ? "" : " ", name_of(by));
    series.colour = alone ? static_cast<int>(by) : index;
    series.dashed = !alone && by == Pointing::kNumber;
    series.markers = true;
    for (const EvalCurves::Point& point : model.points) {
      if (point.by != by) continue;
      series.x.push_back(point.distractors);
      series.y.push_back(value(point));
    }
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
}

template <typename Value>
Chart panel(const std::vector<EvalCurves>& models, const std::string& title,
            const std::string& y_label, const Value& value) {
  Chart chart;
  chart.title = title;
  chart.x_label = "irrelevant images";
  chart.y_label = y_label;
  chart.x_scale = Scale::kLog;
  std::set<double> counts;
  for (const EvalCurves& model : models) {
    for (const EvalCurves::Point& point : model.points) counts.insert(point.distractors);
  }
  chart.x_ticks.assign(counts.begin(), counts.end());
  for (size_t i = 0; i < models.size(); ++i) {
    add_lines(chart, models[i], static_cast<int>(i), models.size() == 1, value);
  }
  return chart;
}

template <typename Value>
double largest(const std::vector<EvalCurves>& models, const Value& value) {
  double most = 0;
  for (const EvalCurves& model : models) {
    for (const EvalCurves::Point& point : model.points) most = std::max(most, value(point));
  }
  return most;
}

/// Amounts are compared by their height: from nothing to a round number over the largest.
void start_at_zero(Chart& chart) {
  double most = 0;
  for (const Series& series : chart.series) {
    for (const double y : series.y) most = std::max(most, std::isfinite(y) ? y : 0);
  }
  if (most <= 0) return;
  const double step = round_step(most, 5);
  chart.y_range = {0.0, step * std::ceil(most / step - 1e-9)};
}

}  // namespace

bool is_eval_report(const std::string& path) {
  return path == kStandardInput || path.ends_with(".json");
}

EvalCurves read_eval_report(const std::string& path) {
  const bool piped = path == kStandardInput;
  const std::string name = piped ? "standard input" : path;
  const nlohmann::json report = piped ? read_standard_input() : read_json_file(path);
  const auto cells = report.find("cells");
  if (cells == report.end() || !cells->is_array() || cells->empty()) {
    throw InputError(fmt::format("{}: has no cells: not of owl3 eval distractors --json", name));
  }
  EvalCurves curves;
  if (!piped) curves.name = std::filesystem::path(path).stem().string();
  for (size_t i = 0; i < cells->size(); ++i) {
    if (!(*cells)[i].is_object()) throw InputError(fmt::format("{}: a cell is no object", name));
    curves.points.push_back(point_of({(*cells)[i], name, fmt::format("cells[{}].", i)}));
  }
  return curves;
}

void draw_eval_curves(const std::vector<EvalCurves>& models, const std::string& path) {
  using Point = EvalCurves::Point;
  std::vector<Chart> panels;
  panels.push_back(panel(models, "Distractor Resistance", "right under every rotation, %",
                         [](const Point& point) { return 100 * point.accuracy; }));
  panels.back().y_range = {0.0, 100.0};
  const auto led = [](const Point& point) {
    return point.led ? 100 * *point.led : std::numeric_limits<double>::quiet_NaN();
  };
  const bool has_evidence = std::any_of(models.begin(), models.end(), [](const EvalCurves& model) {
    return std::any_of(model.points.begin(), model.points.end(),
                       [](const Point& point) { return point.led.has_value(); });
  });
  if (has_evidence) {
    panels.push_back(panel(models, "Evidence", "right, and led by the image asked about, %", led));
    panels.back().y_range = {0.0, 100.0};
  }
  const auto seconds = [](const Point& point) { return point.first_token_seconds; };
  const bool short_times = largest(models, seconds) < 1;
  panels.push_back(
      panel(models, "Time",
            short_times ? "milliseconds to the first token" : "seconds to the first token",
            [&](const Point& point) { return seconds(point) * (short_times ? 1e3 : 1); }));
  start_at_zero(panels.back());
  panels.push_back(panel(models, "Memory", "visual memory, MB",
                         [](const Point& point) { return point.visual_bytes / 1e6; }));
  start_at_zero(panels.back());
  draw_charts(panels, path);
}

}  // namespace owl3::draw
