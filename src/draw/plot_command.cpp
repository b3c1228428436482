// `owl3 plot`: the curves of training runs as a picture.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "core/error.h"
#include "draw/command_line.h"
#include "draw/eval_curves.h"
#include "plot/chart.h"
#include "plot/smoothing.h"
#include "program/number_option.h"
#include "runs/metrics.h"

namespace owl3::draw {

namespace {

struct Options {
  std::vector<std::string> runs;
  std::string out;
  std::vector<std::string> metrics = {"loss", "learning_rate"};
  int64_t smooth = -1;  // chosen by the number of steps
  bool log_x = false;
  bool log_y = false;
};

struct Run {
  std::string name;
  std::vector<MetricsLine> lines;
};

Run load_run(const std::string& given) {
  std::filesystem::path path = given;
  if (std::filesystem::is_directory(path)) path /= "metrics.jsonl";
  Run run;
  const std::filesystem::path folder =
      std::filesystem::absolute(path).lexically_normal().parent_path();
  run.name = folder.filename().string();
  run.lines = read_metrics(path);
  if (run.lines.empty()) throw InputError(fmt::format("{}: holds no steps yet", path.string()));
  return run;
}

Series series_of(const Run& run, const std::string& metric) {
  Series series;
  for (const MetricsLine& line : run.lines) {
    for (const auto& [name, value] : line.scalars) {
      if (name != metric) continue;
      series.x.push_back(static_cast<double>(line.step));
      series.y.push_back(value);
    }
  }
  return series;
}

/// How many neighbours each way a point of the curve is made of. Few points are shown as they are,
/// and so is what has no noise.
int64_t smoothing_for(const std::string& metric, size_t points, int64_t asked) {
  if (metric == "learning_rate" || metric.starts_with("validation_")) return 0;
  if (asked >= 0) return asked;
  return points < 30 ? 0 : std::max<int64_t>(2, static_cast<int64_t>(points) / 40);
}

/// "learning_rate" -> "learning rate"
std::string title_of(std::string metric) {
  std::replace(metric.begin(), metric.end(), '_', ' ');
  return metric;
}

void add_metric(Chart& chart, const Run& run, const std::string& metric, int colour,
                const std::string& name, const Options& options) {
  Series raw = series_of(run, metric);
  if (raw.x.empty()) return;
  raw.colour = colour;
  const bool validation = metric.starts_with("validation_");
  const int64_t neighbours = smoothing_for(metric, raw.x.size(), options.smooth);
  Series curve = raw;
  curve.name = name;
  curve.y = smoothed(raw.y, neighbours);
  curve.markers = validation || raw.x.size() <= 1;
  curve.dashed = validation;
  if (neighbours > 0) {
    raw.faint = true;
    chart.series.push_back(std::move(raw));
  }
  chart.series.push_back(std::move(curve));
}

Chart chart_of(const std::vector<Run>& runs, const std::string& metric, const Options& options) {
  Chart chart;
  chart.title = title_of(metric);
  chart.x_label = "step";
  chart.x_scale = options.log_x ? Scale::kLog : Scale::kLinear;
  chart.y_scale = options.log_y ? Scale::kLog : Scale::kLinear;
  const std::string validation = "validation_" + metric;
  const bool several = runs.size() > 1;
  for (size_t i = 0; i < runs.size(); ++i) {
    const int colour = static_cast<int>(several ? i : 0);
    const std::string prefix = several ? runs[i].name + " " : "";
    const bool validated = !series_of(runs[i], validation).x.empty();
    const std::string name = validated ? prefix + "training" : runs[i].name;
    add_metric(chart, runs[i], metric, colour, name, options);
    add_metric(chart, runs[i], validation, several ? colour : 1, prefix + "validation", options);
  }
  if (chart.series.empty()) {
    std::set<std::string> names;
    for (const Run& run : runs) {
      for (const MetricsLine& line : run.lines) {
        for (const auto& [name, value] : line.scalars) names.insert(name);
      }
    }
    throw UsageError(
        fmt::format("no run has the metric \"{}\"; there are {}", metric, fmt::join(names, ", ")));
  }
  return chart;
}

std::filesystem::path picture_for(const Options& options) {
  if (!options.out.empty()) return options.out;
  const std::filesystem::path first = options.runs.front();
  if (first == "-") return "curves.svg";
  return (std::filesystem::is_directory(first) ? first : first.parent_path()) / "curves.svg";
}

void plot_eval_reports(const Options& options) {
  std::vector<EvalCurves> models;
  for (const std::string& path : options.runs) {
    if (!is_eval_report(path)) {
      throw UsageError(
          fmt::format("{}: training runs and reports of owl3 eval have no curves in "
                      "common",
                      path));
    }
    models.push_back(read_eval_report(path));
  }
  const std::string out = picture_for(options).string();
  draw_eval_curves(models, out);
  fmt::print("{}\n", out);
}

void plot_runs(const Options& options) {
  std::vector<Run> runs;
  for (const std::string& path : options.runs) runs.push_back(load_run(path));
  std::vector<Chart> charts;
  for (const std::string& metric : options.metrics)
    charts.push_back(chart_of(runs, metric, options));
  for (size_t i = 0; i + 1 < charts.size(); ++i) charts[i].x_label.clear();  // all share the last's
  const std::filesystem::path out = picture_for(options);
  draw_charts(charts, out);
  fmt::print("{}\n", out.string());
}

void run_plot(const Options& options) {
  const bool reports = std::any_of(options.runs.begin(), options.runs.end(), is_eval_report);
  reports ? plot_eval_reports(options) : plot_runs(options);
}

}  // namespace

void add_plot_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("plot", "Draw the curves of training runs or evaluations");
  command->footer(
      "A validation curve is drawn with the metric it belongs to. Where steps are many, a smooth\n"
      "curve lies over the faint raw one. Of reports of owl3 eval distractors --json, accuracy,\n"
      "time and memory are drawn, model beside model, each named as its file is.\n\n"
      "Examples:\n"
      "  owl3 plot runs/stage1                                draws runs/stage1/curves.svg\n"
      "  owl3 plot runs/a runs/b --out both.png --metric loss,gradient_norm\n"
      "  owl3 plot owlet.json interleaved.json --out distractors.svg\n"
      "  owl3 eval distractors MODEL --data q.jsonl --json | owl3 plot - --out model.svg");
  command
      ->add_option(
          "RUN", options->runs,
          "Run folders, metrics.jsonl files, or reports of owl3 eval (.json; - for standard "
          "input)")
      ->required()
      ->type_name("");
  command->add_option("-o,--out", options->out, "The picture, .svg or .png (curves.svg in RUN)")
      ->type_name("FILE");
  command->add_option("--metric", options->metrics, "Metrics, a panel each, joined by commas")
      ->delimiter(',')
      ->default_str("loss,learning_rate")
      ->type_name("NAMES");
  command
      ->add_option("--smooth", options->smooth,
                   "Steps each way that the smooth curve is made of, 0 for none")
      ->transform(whole_number(0, 1'000'000))
      ->type_name("N");
  command->add_flag("--log-x", options->log_x, "Steps on a logarithmic axis");
  command->add_flag("--log-y", options->log_y, "Values on a logarithmic axis");
  command->callback([options] { run_plot(*options); });
}

}  // namespace owl3::draw
