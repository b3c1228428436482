// Reproducible random tensors for the backend's tests.
#pragma once

#include <random>

#include "core/tensor.h"

namespace owl3 {

inline Tensor random_tensor(const Shape& shape, uint32_t seed, DType dtype = DType::kF32) {
  Tensor tensor = make_tensor(dtype, shape);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const float value = normal(random);
    switch (dtype) {
      case DType::kF32:
        tensor.data<float>()[i] = value;
        break;
      case DType::kF16:
        tensor.data<f16>()[i] = f16::from_float(value);
        break;
      case DType::kBF16:
        tensor.data<bf16>()[i] = bf16::from_float(value);
        break;
      default:
        OWL3_CHECK(!is_quantised(dtype));
    }
  }
  return tensor;
}

inline double element(const Tensor& tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DType::kF32:
      return double{tensor.data<float>()[i]};
    case DType::kF16:
      return double{static_cast<float>(tensor.data<f16>()[i])};
    case DType::kBF16:
      return double{static_cast<float>(tensor.data<bf16>()[i])};
    default:
      OWL3_CHECK(!is_quantised(tensor.dtype()));
  }
  return 0;
}

}  // namespace owl3
