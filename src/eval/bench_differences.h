// What conversions of one model cost: the runs of each, and how they differ from the first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eval/bench_run.h"

namespace owl3 {

/// All benchmarks asked of a model, or of one conversion of it.
struct BenchRun {
  std::string type;           // of the conversion, "q4_k"; empty: there are none
  uint64_t weight_bytes = 0;  // of the conversion
  std::vector<BenchResult> results;
};

/// A benchmark asked of two conversions, row by row.
struct BenchTypeDifference {
  std::string benchmark, type, to;  // "q4_k" to "bf16"
  int64_t answered = 0;             // rows that both answered
  int64_t same_replies = 0;         // of those, with the same text
  int64_t scored = 0;               // rows that both have a score for
  double mean = 0, mean_to = 0;     // of those
  int64_t better = 0, worse = 0;    // rows

  /// McNemar's test, exact, as in `owl3 eval compare`.
  double p_value() const;
};

/// Of every run but the first to the first, by benchmark; of what both have finished.
std::vector<BenchTypeDifference> type_differences(const std::vector<BenchRun>& runs);

/// The run's result of a benchmark; null where it was not come to.
const BenchResult* result_of(const BenchRun& run, const std::string& benchmark);

}  // namespace owl3
