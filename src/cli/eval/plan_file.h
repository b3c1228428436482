// The file of a plan: what `owl3 eval bench` is to ask, and how.
#pragma once

#include <string>
#include <vector>

#include "benchmarks/data_set.h"

namespace owl3::cli {

/// Whether a word on the command line is such a file rather than a benchmark's name.
bool is_plan_file(const std::string& word);

/// Reads YAML (.yaml, .yml), or JSON rows (.jsonl, .json). Throws InputError that names the line.
std::vector<BenchmarkSet> read_plan(const std::string& path);

}  // namespace owl3::cli
