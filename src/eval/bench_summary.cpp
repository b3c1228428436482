#include "eval/bench_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "benchmarks/published_scores.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kDeviations = 1.96;  // of 95 %

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

}  // namespace

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

std::string score_text(const MeanScore& score) {
  return fmt::format("{:.1f} % (95 %: {:.1f} to {:.1f} %)", 100 * score.mean, 100 * score.sure.low,
                     100 * score.sure.high);
}

std::string published_text(const std::string& benchmark, const std::string& released) {
  const std::vector<PublishedScore> scores = published_scores(benchmark, released);
  if (scores.size() == 1) return fmt::format("{:.1f}", scores.front().percent);
  std::string text;
  for (const PublishedScore& score : scores) {
    text += fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ", score.what, score.percent);
  }
  return text;
}

std::vector<NamedValue> told(const BenchResult& result, const std::string& released) {
  std::vector<NamedValue> all = {{"rows", fmt::format("{} of {}", result.answered, result.rows)}};
  if (const int64_t unasked = result.errors - result.unscored; unasked > 0) {
    all.push_back({"that could not be asked", std::to_string(unasked)});
  }
  if (result.unscored > 0) {
    all.push_back({"left out, as they can't be scored", std::to_string(result.unscored)});
  }
  if (result.warnings > 0) {
    all.push_back({"asked with a film that is broken", std::to_string(result.warnings)});
  }
  if (result.metrics) flatten(result.metrics->values, "", all);
  if (const auto score = mean_score(result)) {
    all.push_back({"mean score of a row", score_text(*score)});
  }
  for (const PublishedScore& score : published_scores(result.benchmark, released)) {
    all.push_back({fmt::format("the authors' {} of {}", score.what, released),
                   fmt::format("{:.1f}", score.percent)});
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

}  // namespace owl3
