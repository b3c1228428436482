// LibTorch's CPU as a device, and tensors brought there and back.
#pragma once

#include "backend/random_tensor.h"
#include "backend/torch/make_torch_backend.h"

namespace owl3::test {

/// `setting`, as it stands behind a device's name: ",memory=1M".
inline std::unique_ptr<Backend> torch_cpu(Precision precision = Precision::kFloat32,
                                          const std::string& setting = "") {
  ModelOptions options;
  options.precision = precision;
  options.threads = 1;  // tests run side by side
  return make_torch_backend("cpu" + setting, options);
}

/// Sums of `terms` numbers of magnitude 1: what rounding to the type may make of them.
inline double tolerance_of(Precision precision, double terms) {
  return (precision == Precision::kFloat32 ? 1e-6 : 8e-3) * (4 + std::sqrt(terms) * 2);
}

inline const char* name_of_precision(Precision precision) {
  return precision == Precision::kFloat32 ? "float32" : "bf16";
}

}  // namespace owl3::test
