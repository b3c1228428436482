// Recordings of a step as CUDA graphs.
#pragma once

#include "backend/torch/device_recording.h"
#include "backend/torch/torch.h"

namespace owl3 {

/// Empty where the device is none of CUDA's, or the plug-in was built without CUDA's headers.
BeginRecording cuda_graphs(at::Device device);

}  // namespace owl3
