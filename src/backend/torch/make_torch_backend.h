// The backend over LibTorch, without LibTorch's headers.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/torch/device_recording.h"
#include "owl3/options.h"

namespace owl3 {

/// Of a device as LibTorch names it, perhaps with settings (torch_settings.h): "cpu", "cuda:1",
/// "cuda,memory=20G". Throws UsageError where there is no such device.
std::unique_ptr<Backend> make_torch_backend(const std::string& device, const ModelOptions& options);
/// The same with another way of recording steps than the device's own.
std::unique_ptr<Backend> make_torch_backend(const std::string& device, const ModelOptions& options,
                                            BeginRecording begin_recording);

}  // namespace owl3
