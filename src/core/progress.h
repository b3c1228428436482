// Progress of long work, and the wish to stop it: what the library tells its caller and asks it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace owl3 {

/// Called from the working thread with the stage ("encoding images"), the steps done and their
/// total (0 when unknown). Return false to interrupt the work: it then throws Interrupted.
using ProgressCallback = std::function<bool(std::string_view stage, int64_t done, int64_t total)>;

}  // namespace owl3
