#include "eval/bench_report.h"

#include <fmt/format.h>

#include "benchmarks/published_scores.h"
#include "core/byte_text.h"
#include "eval/bench_summary.h"
#include "program/terminal.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// A text of a data set as a terminal may show it.
std::string shown(const std::string& text) {
  return one_line(without_controls(text));
}

std::string table_of(const BenchResult& result, const std::string& released) {
  std::string text = fmt::format("{}: {}\n", result.benchmark, result.title);
  for (const auto& [name, value] : told(result, released)) {
    text += fmt::format("  {:<36} {}\n", shown(name), shown(value));
  }
  for (const std::string& error : result.first_errors) {
    text += fmt::format("  ! {}\n", shown(error));
  }
  if (result.warnings > 0) text += fmt::format("  ? {}\n", shown(result.first_warning));
  for (const auto& file : result.files) text += fmt::format("  > {}\n", file.string());
  return text;
}

std::string table(const BenchReport& report) {
  std::string text;
  for (const BenchRun& run : report.runs) {
    if (!run.type.empty()) {
      text += fmt::format("{}, {} of weights\n", run.type, byte_text(run.weight_bytes));
    }
    for (const BenchResult& result : run.results) text += table_of(result, report.released);
  }
  if (report.runs.size() < 2) return text;
  text +=
      fmt::format("to {}, in points:\n  {:<26} {:<6} {:>7} {:>15} {:>8} {:>13}\n",
                  report.runs.front().type, "", "", "score", "better / worse", "p", "same replies");
  for (const BenchTypeDifference& difference : type_differences(report.runs)) {
    const BenchDifferenceTexts texts(difference);
    text += fmt::format("  {:<26} {:<6} {:>7} {:>15} {:>8} {:>13}\n", difference.benchmark,
                        difference.type, texts.points, texts.rows, texts.p_value, texts.same);
  }
  return text;
}

/// Text in a cell of Markdown.
std::string cell(const std::string& text) {
  std::string safe;
  for (const char c : shown(text)) {
    if (c == '|') safe += '\\';
    safe += c;
  }
  return safe;
}

/// What is told of a benchmark, with what the table has below its numbers.
std::vector<NamedValue> cells_of(const BenchResult& result, const std::string& released) {
  std::vector<NamedValue> all = told(result, released);
  for (const std::string& error : result.first_errors) all.push_back({"an error", error});
  if (result.warnings > 0) all.push_back({"a warning", result.first_warning});
  for (const auto& file : result.files) all.push_back({"written", file.string()});
  return all;
}

std::string markdown(const BenchReport& report) {
  const bool typed = report.runs.size() > 1 || !report.runs.front().type.empty();
  std::string text = typed ? "| benchmark | type | | |\n|---|---|---|---|\n"
                           : "| benchmark | | |\n|---|---|---|\n";
  for (const BenchRun& run : report.runs) {
    const std::string type =
        typed ? fmt::format("{} ({}) | ", run.type, byte_text(run.weight_bytes)) : std::string();
    for (const BenchResult& result : run.results) {
      for (const auto& [name, value] : cells_of(result, report.released)) {
        text +=
            fmt::format("| {} | {}{} | {} |\n", result.benchmark, type, cell(name), cell(value));
      }
    }
  }
  if (report.runs.size() < 2) return text;
  text += fmt::format(
      "\n| benchmark | type | score, to {} | rows better / worse | p | same replies |\n"
      "|---|---|---:|---:|---:|---:|\n",
      report.runs.front().type);
  for (const BenchTypeDifference& difference : type_differences(report.runs)) {
    const BenchDifferenceTexts texts(difference);
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", difference.benchmark, difference.type,
                        texts.points, texts.rows, texts.p_value, texts.same);
  }
  return text;
}

Json published_json(const std::string& benchmark, const std::string& released) {
  Json list = Json::array();
  for (const PublishedScore& score : published_scores(benchmark, released)) {
    list.push_back({{"of", score.what}, {"percent", score.percent}});
  }
  return list;
}

Json json_of(const BenchResult& result, const std::string& released) {
  Json json = {{"benchmark", result.benchmark}, {"title", result.title},
               {"settings", result.settings},   {"rows", result.rows},
               {"answered", result.answered},   {"errors", result.errors},
               {"unscored", result.unscored},   {"first_errors", result.first_errors},
               {"warnings", result.warnings},   {"interrupted", result.interrupted}};
  if (result.warnings > 0) json["first_warning"] = result.first_warning;
  json["metrics"] = result.metrics ? result.metrics->values : Json(nullptr);
  if (const auto score = mean_score(result)) {
    json["mean_score"] = {{"mean", score->mean},
                          {"interval", {score->sure.low, score->sure.high}},
                          {"rows", score->rows}};
  }
  if (!released.empty()) json["published"] = published_json(result.benchmark, released);
  json["official"] = result.official;
  if (!result.not_scored.empty()) json["not_scored"] = result.not_scored;
  json["files"] = Json::array();
  for (const auto& file : result.files) json["files"].push_back(file.string());
  return json;
}

Json json_of(const BenchRun& run, const std::string& released) {
  Json all = Json::array();
  for (const BenchResult& result : run.results) all.push_back(json_of(result, released));
  return all;
}

Json json_of(const BenchTypeDifference& difference) {
  Json json = {{"benchmark", difference.benchmark},
               {"type", difference.type},
               {"to", difference.to},
               {"answered", difference.answered},
               {"same_replies", difference.same_replies},
               {"scored", difference.scored}};
  if (difference.scored == 0) return json;
  json["mean"] = difference.mean;
  json["mean_to"] = difference.mean_to;
  json["better"] = difference.better;
  json["worse"] = difference.worse;
  json["p_value"] = difference.p_value();
  return json;
}

Json json_of(const BenchReport& report) {
  Json json = {{"model", report.model}, {"arithmetic", report.arithmetic}};
  if (!report.released.empty()) json["released_model"] = report.released;
  if (!report.failure.empty()) json["failure"] = report.failure;
  if (report.runs.front().type.empty()) {
    json["benchmarks"] = json_of(report.runs.front(), report.released);
    return json;
  }
  json["types"] = Json::array();
  for (const BenchRun& run : report.runs) {
    json["types"].push_back({{"type", run.type},
                             {"weight_bytes", run.weight_bytes},
                             {"benchmarks", json_of(run, report.released)}});
  }
  json["differences"] = Json::array();
  for (const BenchTypeDifference& difference : type_differences(report.runs)) {
    json["differences"].push_back(json_of(difference));
  }
  return json;
}

}  // namespace

BenchDifferenceTexts::BenchDifferenceTexts(const BenchTypeDifference& difference)
    : points("-"), rows("-"), p_value("-"), same("-") {
  if (difference.answered > 0) {
    same = fmt::format("{:.1f} %", 100.0 * static_cast<double>(difference.same_replies) /
                                       static_cast<double>(difference.answered));
  }
  if (difference.scored == 0) return;
  points = fmt::format("{:+.1f}", 100 * (difference.mean - difference.mean_to));
  rows = fmt::format("{} / {}", difference.better, difference.worse);
  p_value = fmt::format("{:.2g}", difference.p_value());
}

std::string bench_report(const BenchReport& report, BenchFormat format) {
  if (format == BenchFormat::kTable) return table(report);
  if (format == BenchFormat::kMarkdown) return markdown(report);
  return json_of(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace owl3
