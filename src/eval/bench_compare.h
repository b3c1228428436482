// Two runs of a benchmark, question by question.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace owl3 {

/// A question that one run answered better than the other.
struct BenchDifference {
  int64_t row = 0;
  double first_score = 0, second_score = 0;
  nlohmann::ordered_json first, second;  // the lines of the records
};

struct BenchComparison {
  std::string benchmark;
  nlohmann::ordered_json first_run, second_run;  // what the files say of them
  int64_t rows = 0;                              // that both have a score for
  int64_t only_one = 0;                          // that only one of them has
  double first_mean = 0, second_mean = 0;
  int64_t first_better = 0, second_better = 0;
  std::vector<BenchDifference> differences;

  /// How likely it is that rows would differ so unevenly, or more, if neither run were better:
  /// McNemar's test, exact.
  double p_value() const;
};

/// Of two files of `owl3 eval bench`. Throws InputError where they are not of the same rows, or
/// have no scores yet.
BenchComparison compare_runs(const std::filesystem::path& first,
                             const std::filesystem::path& second);

/// Two-sided, of `successes` in `trials` where both outcomes are as likely.
double sign_test(int64_t successes, int64_t trials);

}  // namespace owl3
