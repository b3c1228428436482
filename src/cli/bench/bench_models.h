// The models that `owl3 bench --types` measures: the one given, or converted to other types.
#pragma once

#include <string>
#include <vector>

#include "cli/bench/bench_options.h"
#include "formats/checkpoint.h"
#include "formats/conversion_plan.h"
#include "program/interrupt.h"

namespace owl3::cli {

struct BenchModel {
  std::string type;                 // "q4_0"
  std::vector<PlannedTensor> plan;  // how it is to be converted; none: it is measured as it is

  bool is_converted() const { return !plan.empty(); }
  uint64_t converted_bytes() const;
};

/// One for every type asked for. Throws InputError when the disk for temporary files has no room
/// for the largest of them.
std::vector<BenchModel> models_to_measure(const Checkpoint& checkpoint,
                                          const BenchOptions& options);

/// The model in its type. A converted one lies in a temporary file without a name, so that nothing
/// stays of it however the program ends; while it is being written, a signal removes it.
Checkpoint open_in_type(const Checkpoint& checkpoint, const BenchModel& model,
                        const InterruptGuard& interrupt);

}  // namespace owl3::cli
