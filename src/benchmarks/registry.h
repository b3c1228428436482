// The benchmarks by the names of the official evaluation, and its plan.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/task.h"

namespace owl3 {

/// The task of an official class and one of its data sets. Throws InputError where there is none.
std::unique_ptr<BenchmarkTask> make_benchmark_task(const std::string& task, const std::string& set,
                                                   const TaskSettings& settings);

/// An entry of the official plan, as its file has it.
struct PlanEntry {
  std::string task, set;
  bool cut = false;
  std::optional<int64_t> num_frames;
  std::optional<bool> use_number;

  TaskSettings settings() const;
};

/// In order. One entry names a data set that the official code does not have (textvqa_val).
const std::vector<PlanEntry>& official_plan();

/// What the plan sets for a data set; the defaults where it is not in the plan.
TaskSettings planned_settings(const std::string& task, const std::string& set);

}  // namespace owl3
