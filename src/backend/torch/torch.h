// LibTorch's headers, compiled once for the plug-in: tensors and their operations, and nothing of
// modules, training or a card's own toolkit.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>
#include <torch/version.h>
