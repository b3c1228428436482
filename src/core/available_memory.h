// How much more memory this process may take: the least of what the machine, the process's control
// groups and its own limits allow.
#pragma once

#include <cstdint>
#include <optional>

#include "core/cgroup.h"

namespace owl3 {

/// Bytes that can be had without swapping and without the process being refused or killed: the
/// least of MemAvailable, what is left in every memory control group (v1 and v2) the process is in,
/// caches of files not counted, and what RLIMIT_AS and RLIMIT_DATA leave. Nothing where the kernel
/// tells none of these. A moment's answer: others take memory too.
std::optional<int64_t> available_memory(const KernelFiles& files = {});

}  // namespace owl3
