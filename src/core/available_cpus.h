// How many processors this process may keep busy: what its affinity and its control groups allow.
#pragma once

#include <optional>

#include "core/cgroup.h"

namespace owl3 {

/// The processors' time, in processors, that the process's control groups (v1 and v2) allow: the
/// least of their quotas; nothing where there is none.
std::optional<double> cpu_quota(const KernelFiles& files = {});

/// Processors in the affinity of the calling thread, or so many that the quota feeds, whichever is
/// less; at least 1.
int available_cpus(const KernelFiles& files = {});

}  // namespace owl3
