// A linear layer of the model: the checkpoint's own weights, which stay as they are, and the LoRA
// adapters that the user laid over them.
#pragma once

#include <vector>

#include "backend/backend.h"

namespace owl3 {

/// y += B(A x), a product of low rank; the scale is in A.
struct LowRankProduct {
  Linear a;  // [r, K]
  Linear b;  // [N, r]
};

struct AdaptedLinear {
  Linear base;
  std::vector<LowRankProduct> adapters{};

  bool defined() const { return base.weight.defined(); }
};

/// activation(x W^T + b + the adapters' products).  x [M, K] -> [M, N]
Tensor linear(Backend& backend, const Tensor& x, const AdaptedLinear& layer,
              Activation activation = Activation::kNone);
/// y += x W^T + b + the adapters' products.  x [M, K], y [M, N]
void linear_add(Backend& backend, Tensor& y, const Tensor& x, const AdaptedLinear& layer);

}  // namespace owl3
