// What cannot be measured is refused before anything is.
#pragma once

#include <vector>

#include "cli/bench/bench_models.h"
#include "cli/bench/bench_options.h"
#include "core/machine.h"

namespace owl3::cli {

/// Throws UsageError when a test would need more tokens than the model's context holds.
void check_context(const Checkpoint& checkpoint, const BenchOptions& options);

/// Throws UsageError when the most images do not fit the available memory beside the largest of the
/// weights.
void check_memory(const Checkpoint& checkpoint, const std::vector<BenchModel>& models,
                  const BenchOptions& options, const MachineMemory& memory);

}  // namespace owl3::cli
