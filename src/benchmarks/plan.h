// Plans of the official evaluation: lists of what to ask, each entry a data set and how its
// questions are put.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "benchmarks/data_set.h"

namespace owl3 {

/// An entry as a plan's file has it, and where: "plan.yaml:12".
struct PlanLine {
  nlohmann::ordered_json entry;
  std::string where;
};

/// The set that an entry {type, ds_name, num_frames?, cut_cfg?, use_number?} asks, with its
/// settings in place of the set's own: as in the official code, images are cut only where there is
/// a cut_cfg. `type` may be missing. Throws InputError that names the place and what to write.
BenchmarkSet planned_set(const PlanLine& line);

/// In order. Throws InputError, also where a set is asked twice or nothing is.
std::vector<BenchmarkSet> planned_sets(const std::vector<PlanLine>& lines, const std::string& name);

}  // namespace owl3
