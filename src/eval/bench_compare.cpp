#include "eval/bench_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"
#include "eval/bench_records.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::optional<double> score_of(const BenchLines& lines, int64_t row) {
  const auto found = lines.find(row);
  if (found == lines.end()) return std::nullopt;
  const Json score = found->second.value("score", Json());
  return score.is_number() ? std::optional(score.get<double>()) : std::nullopt;
}

BenchFile read_run(const fs::path& path) {
  BenchFile file = read_bench_file(path);
  if (file.run.is_null()) {
    throw InputError(fmt::format("{}: is empty: it has no run of owl3 eval bench", path.string()));
  }
  return file;
}

void check_comparable(const BenchFile& first, const fs::path& first_path, const BenchFile& second,
                      const fs::path& second_path) {
  for (const char* key : {"benchmark", "data"}) {
    if (first.run.value(key, Json()) == second.run.value(key, Json())) continue;
    throw InputError(fmt::format("{} and {}: are not of the same rows: {} differs",
                                 first_path.string(), second_path.string(), key));
  }
  for (const auto& [file, path] : {std::pair(&first, &first_path), {&second, &second_path}}) {
    const bool scored = std::any_of(file->lines.begin(), file->lines.end(), [&](const auto& line) {
      return score_of(file->lines, line.first).has_value();
    });
    if (!scored) {
      throw InputError(fmt::format(
          "{}: has no scores: they come when all rows are asked, of sets whose answers are public",
          path->string()));
    }
  }
}

}  // namespace

double sign_test(int64_t successes, int64_t trials) {
  const int64_t fewer = std::min(successes, trials - successes);
  const auto count = static_cast<double>(trials);
  double tail = 0;
  for (int64_t i = 0; i <= fewer; ++i) {
    const auto taken = static_cast<double>(i);
    tail += std::exp(std::lgamma(count + 1) - std::lgamma(taken + 1) -
                     std::lgamma(count - taken + 1) - count * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

double BenchComparison::p_value() const {
  return sign_test(first_better, first_better + second_better);
}

BenchComparison compare_runs(const fs::path& first_path, const fs::path& second_path) {
  const BenchFile first = read_run(first_path), second = read_run(second_path);
  check_comparable(first, first_path, second, second_path);
  BenchComparison result;
  result.benchmark = first.run.value("benchmark", "");
  result.first_run = first.run;
  result.second_run = second.run;
  for (const auto& [row, line] : second.lines) {
    if (score_of(second.lines, row) && !score_of(first.lines, row)) ++result.only_one;
  }
  for (const auto& [row, line] : first.lines) {
    const auto ours = score_of(first.lines, row), theirs = score_of(second.lines, row);
    if (!ours) continue;
    if (!theirs) {
      ++result.only_one;
      continue;
    }
    ++result.rows;
    result.first_mean += *ours;
    result.second_mean += *theirs;
    if (*ours == *theirs) continue;
    ++(*ours > *theirs ? result.first_better : result.second_better);
    result.differences.push_back({row, *ours, *theirs, line, second.lines.at(row)});
  }
  if (result.rows == 0) {
    throw InputError(fmt::format("{} and {}: have no row in common that is scored",
                                 first_path.string(), second_path.string()));
  }
  result.first_mean /= static_cast<double>(result.rows);
  result.second_mean /= static_cast<double>(result.rows);
  return result;
}

}  // namespace owl3
