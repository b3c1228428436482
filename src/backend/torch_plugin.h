// The border to libowl3_torch.so: the backend over LibTorch, for devices that the CPU backend is
// none for. Nothing else of owl3 but the trainer is linked with LibTorch; the plug-in is loaded by
// the first model that asks for such a device.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "owl3/options.h"

namespace owl3 {

/// What the plug-in gives. Errors come through as what they are, as the C++ runtime is shared.
struct TorchPlugin {
  /// Of the headers and the compiler that both sides were made with. The rest is only touched where
  /// it is the own one.
  const char* stamp;
  /// Of a device as LibTorch names it: "cpu", "cuda", "cuda:1". Throws UsageError where there is no
  /// such device.
  std::unique_ptr<Backend> (*make)(const std::string& device, const ModelOptions& options);
};

/// Loads the plug-in where that was not done yet. Throws Error when it is not found (it says where
/// it was looked for, and how it is built), one of its libraries is missing, or it is of another
/// build. `device` begins what is said.
const TorchPlugin& torch_plugin(const std::string& device);

}  // namespace owl3
