// The curves of `owl3 eval distractors --plot`.
#include <fmt/format.h>

#include <set>

#include "cli/eval_report.h"
#include "plot/chart.h"

namespace owl3::cli {

namespace {

/// One panel: a value of the cells over N, a line for each way of pointing.
template <typename Value>
Chart panel(const Evaluation& evaluation, const std::string& title, const std::string& y_label,
            const Value& value) {
  Chart chart;
  chart.title = title;
  chart.x_label = "irrelevant images";
  chart.y_label = y_label;
  chart.x_scale = Scale::kLog;
  std::set<double> counts;
  for (const Cell& cell : evaluation.cells) counts.insert(static_cast<double>(cell.distractors));
  chart.x_ticks.assign(counts.begin(), counts.end());
  for (const Pointing by : {Pointing::kContent, Pointing::kNumber}) {
    Series series;
    series.name = fmt::format("by {}", name_of(by));
    series.colour = by == Pointing::kContent ? 0 : 1;
    series.markers = true;
    for (const Cell& cell : evaluation.cells) {
      if (cell.by != by) continue;
      series.x.push_back(static_cast<double>(cell.distractors));
      series.y.push_back(value(cell));
    }
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

void plot_evaluation(const Evaluation& evaluation, const std::string& path) {
  std::vector<Chart> panels;
  panels.push_back(panel(evaluation, "Distractor Resistance", "right under every rotation, %",
                         [](const Cell& cell) { return 100 * cell.accuracy(); }));
  panels.back().y_range = {0.0, 100.0};
  panels.push_back(panel(evaluation, "Time", "seconds to the first token",
                         [](const Cell& cell) { return cell.median_first_token_seconds(); }));
  panels.push_back(panel(evaluation, "Memory", "visual memory, MB", [](const Cell& cell) {
    return static_cast<double>(cell.visual_bytes) / 1e6;
  }));
  draw_charts(panels, path);
}

}  // namespace owl3::cli
