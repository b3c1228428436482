// A benchmark's results in numbers, before they are laid out for anybody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eval/bench_run.h"
#include "eval/scoring.h"

namespace owl3 {

struct MeanScore {
  double mean = 0;
  Interval sure;
  int64_t rows = 0;
};

/// The mean of the rows' scores; nothing where none has one. Wilson's interval where each is right
/// or wrong, else by the scores' deviation.
std::optional<MeanScore> mean_score(const BenchResult& result);

struct NamedValue {
  std::string name, value;
};

/// What is told of a benchmark, line by line: rows, metrics, the mean of the rows' scores, what the
/// official code gives where it differs, and what the authors report for `released`, the short name
/// of a released model or empty.
std::vector<NamedValue> told(const BenchResult& result, const std::string& released);

/// "64.7 % (95 %: 63.8 to 65.5 %)"
std::string score_text(const MeanScore& score);

/// "92.7", or of several data sets "Mantis 67.3, BLINK 53.8"; empty where nothing is published.
std::string published_text(const std::string& benchmark, const std::string& released);

}  // namespace owl3
