// Random numbers to start from, the same on any machine.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

namespace owl3::train {

/// Normal values around 0, float32. The streams of random numbers are owl3's own, by name: those of
/// LibTorch change with its version and the device.
torch::Tensor seeded_normal(at::IntArrayRef sizes, const std::string& name, uint64_t seed,
                            double deviation);

}  // namespace owl3::train
