// What came of benchmarks, for people, pages and programs.
#pragma once

#include <string>
#include <vector>

#include "eval/bench_differences.h"

namespace owl3 {

enum class BenchFormat { kTable, kMarkdown, kJson };

struct BenchReport {
  std::string model, arithmetic;
  std::string released;        // the short name of the released model that it is; empty: none
  std::vector<BenchRun> runs;  // a single one, without a type, or one for each type
  std::string failure{};       // what ended the asking before its end; empty: nothing
};

std::string bench_report(const BenchReport& report, BenchFormat format);

/// One difference in words and numbers, for tables: "-0.4", "12 / 15", "0.7", "98.8 %".
struct BenchDifferenceTexts {
  explicit BenchDifferenceTexts(const BenchTypeDifference& difference);

  std::string points, rows, p_value, same;
};

}  // namespace owl3
