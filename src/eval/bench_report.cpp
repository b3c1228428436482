#include "eval/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "eval/scoring.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kDeviations = 1.96;  // of 95 %

struct MeanScore {
  double mean = 0;
  Interval sure;
  int64_t rows = 0;
};

/// The mean of the rows' scores; nothing where none has one. Wilson's interval where each is right
/// or wrong, else by the scores' deviation.
std::optional<MeanScore> mean_score(const BenchResult& result) {
  if (!result.metrics) return std::nullopt;
  MeanScore score;
  double total = 0, squares = 0;
  bool whole = true;
  for (const auto& one : result.metrics->scores) {
    if (!one) continue;
    ++score.rows;
    total += *one;
    squares += *one * *one;
    whole = whole && (*one == 0 || *one == 1);
  }
  if (score.rows == 0) return std::nullopt;
  const auto count = static_cast<double>(score.rows);
  score.mean = total / count;
  if (whole) {
    score.sure = confidence_interval(std::llround(total), score.rows);
  } else {
    const double variance = std::max(0.0, squares / count - score.mean * score.mean);
    const double reach = kDeviations * std::sqrt(variance / count);
    score.sure = {std::max(0.0, score.mean - reach), std::min(1.0, score.mean + reach)};
  }
  return score;
}

struct NamedValue {
  std::string name, value;
};

std::string number_text(const Json& value) {
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    return text.substr(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!value.is_number()) return value.dump();
  const double number = value.get<double>();
  return std::isfinite(number) ? fmt::format("{:.6g}", number) : std::string("not defined");
}

/// The values of an object with what stands in it, "category / CW" for example.
void flatten(const Json& values, const std::string& path, std::vector<NamedValue>& all) {
  for (const auto& [name, value] : values.items()) {
    const std::string whole = path.empty() ? name : path + " / " + name;
    if (value.is_object()) {
      flatten(value, whole, all);
    } else {
      all.push_back({whole, number_text(value)});
    }
  }
}

/// What is told of a benchmark, line by line.
std::vector<NamedValue> told(const BenchResult& result) {
  std::vector<NamedValue> all = {{"rows", fmt::format("{} of {}", result.answered, result.rows)}};
  if (result.errors > 0) all.push_back({"that could not be asked", std::to_string(result.errors)});
  if (result.metrics) flatten(result.metrics->values, "", all);
  if (const auto score = mean_score(result)) {
    all.push_back({"mean score of a row",
                   fmt::format("{:.1f} % (95 %: {:.1f} to {:.1f} %)", 100 * score->mean,
                               100 * score->sure.low, 100 * score->sure.high)});
  }
  if (result.official.contains("error")) {
    all.push_back(
        {"the official code", "ends in an error: " + number_text(result.official["error"])});
  } else if (result.official.is_object()) {
    flatten(result.official, "the official code", all);
  }
  if (!result.not_scored.empty()) all.push_back({"not scored", result.not_scored});
  return all;
}

std::string table(const std::vector<BenchResult>& results) {
  std::string text;
  for (const BenchResult& result : results) {
    text += fmt::format("{}: {}\n", result.benchmark, result.title);
    for (const auto& [name, value] : told(result)) {
      text += fmt::format("  {:<36} {}\n", name, value);
    }
    for (const std::string& error : result.first_errors) text += fmt::format("  ! {}\n", error);
    for (const auto& file : result.files) text += fmt::format("  > {}\n", file.string());
  }
  return text;
}

std::string markdown(const std::vector<BenchResult>& results) {
  std::string text = "| benchmark | | |\n|---|---|---|\n";
  for (const BenchResult& result : results) {
    for (const auto& [name, value] : told(result)) {
      text += fmt::format("| {} | {} | {} |\n", result.benchmark, name, value);
    }
  }
  return text;
}

Json json_of(const BenchResult& result) {
  Json json = {{"benchmark", result.benchmark},
               {"title", result.title},
               {"rows", result.rows},
               {"answered", result.answered},
               {"errors", result.errors},
               {"first_errors", result.first_errors},
               {"interrupted", result.interrupted}};
  json["metrics"] = result.metrics ? result.metrics->values : Json(nullptr);
  if (const auto score = mean_score(result)) {
    json["mean_score"] = {{"mean", score->mean},
                          {"interval", {score->sure.low, score->sure.high}},
                          {"rows", score->rows}};
  }
  json["official"] = result.official;
  if (!result.not_scored.empty()) json["not_scored"] = result.not_scored;
  json["files"] = Json::array();
  for (const auto& file : result.files) json["files"].push_back(file.string());
  return json;
}

}  // namespace

std::string bench_report(const std::vector<BenchResult>& results, const std::string& model,
                         BenchFormat format) {
  if (format == BenchFormat::kTable) return table(results);
  if (format == BenchFormat::kMarkdown) return markdown(results);
  Json all = Json::array();
  for (const BenchResult& result : results) all.push_back(json_of(result));
  const Json json = {{"model", model}, {"benchmarks", std::move(all)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace owl3
