// The backend that a model's options ask for.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "owl3/options.h"

namespace owl3 {

/// Of the options' device, threads and precision. Throws UsageError for a device that is none, or
/// is not there, and Error where the plug-in that reaches it can't be had.
std::unique_ptr<Backend> make_backend(const ModelOptions& options);

/// Whether the name means the CPU backend: "" or "cpu".
bool is_cpu_device(const std::string& name);

}  // namespace owl3
