// What came of benchmarks as a page that needs no other file: the scores with their intervals and
// what the authors report, every metric, and the worst answers with their pictures.
#pragma once

#include <string>

#include "eval/bench_report.h"

namespace owl3 {

std::string bench_page(const BenchReport& report);

}  // namespace owl3
