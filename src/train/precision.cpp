#include "train/precision.h"

namespace owl3::train {

namespace {

bool is_enabled(torch::Device device) {
  return device.is_cpu() ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}

void set_enabled(torch::Device device, bool enabled) {
  if (device.is_cpu()) {
    at::autocast::set_cpu_enabled(enabled);
  } else {
    at::autocast::set_enabled(enabled);
  }
}

at::ScalarType lower_type(torch::Device device) {
  return device.is_cpu() ? at::autocast::get_autocast_cpu_dtype()
                         : at::autocast::get_autocast_gpu_dtype();
}

void set_lower_type(torch::Device device, at::ScalarType type) {
  if (device.is_cpu()) {
    at::autocast::set_autocast_cpu_dtype(type);
  } else {
    at::autocast::set_autocast_gpu_dtype(type);
  }
}

}  // namespace

Autocast::Autocast(torch::Device device, TrainPrecision precision)
    : device_(device), before_(is_enabled(device)), type_before_(lower_type(device)) {
  set_lower_type(device, torch::kBFloat16);
  set_enabled(device, precision == TrainPrecision::kBFloat16);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  // Weights rounded for one step are stale in the next.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  set_enabled(device_, before_);
  set_lower_type(device_, type_before_);
}

TrainPrecision current_precision(torch::Device device) {
  return is_enabled(device) ? TrainPrecision::kBFloat16 : TrainPrecision::kFloat32;
}

at::ScalarType compute_type(torch::Device device) {
  return is_enabled(device) ? torch::kBFloat16 : torch::kFloat32;
}

}  // namespace owl3::train
