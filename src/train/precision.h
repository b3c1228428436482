// Mixed precision: products in bfloat16, everything else and all weights in float32.
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>

namespace owl3::train {

/// What products are computed in.
enum class TrainPrecision { kFloat32, kBFloat16 };

/// LibTorch's autocast for as long as it lives: linear layers round their inputs and weights to
/// bfloat16. Backward passes need none, as they follow the types of the forward pass.
class Autocast {
 public:
  Autocast(torch::Device device, TrainPrecision precision);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  torch::Device device_;
  bool before_;
  at::ScalarType type_before_;
};

/// The precision that an Autocast has set for this thread.
TrainPrecision current_precision(torch::Device device);
/// What an operation with its own backward pass should multiply in.
at::ScalarType compute_type(torch::Device device);

/// Inside such an operation: types are as it chose them.
class WithoutAutocast {
 private:
  c10::impl::ExcludeDispatchKeyGuard guard_{
      c10::DispatchKeySet({c10::DispatchKey::AutocastCPU, c10::DispatchKey::AutocastCUDA})};
};

}  // namespace owl3::train
