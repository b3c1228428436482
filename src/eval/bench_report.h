// What came of benchmarks, for people, pages and programs.
#pragma once

#include <string>
#include <vector>

#include "eval/bench_run.h"

namespace owl3 {

enum class BenchFormat { kTable, kMarkdown, kJson };

std::string bench_report(const std::vector<BenchResult>& results, const std::string& model,
                         BenchFormat format);

}  // namespace owl3
