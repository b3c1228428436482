// The backend over LibTorch, without LibTorch's headers.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "owl3/options.h"

namespace owl3 {

/// Of a device as LibTorch names it: "cpu", "cuda", "cuda:1". Throws UsageError where there is no
/// such device.
std::unique_ptr<Backend> make_torch_backend(const std::string& device, const ModelOptions& options);

}  // namespace owl3
