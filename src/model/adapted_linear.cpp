#include "model/adapted_linear.h"

namespace owl3 {

namespace {

void add_adapters(Backend& backend, Tensor& y, const Tensor& x, const AdaptedLinear& layer) {
  for (const LowRankProduct& adapter : layer.adapters) {
    const Tensor h = backend.linear(x, adapter.a, Activation::kNone);  // [M, r]
    backend.linear_add(y, h, adapter.b);
  }
}

}  // namespace

Tensor linear(Backend& backend, const Tensor& x, const AdaptedLinear& layer,
              Activation activation) {
  if (layer.adapters.empty()) return backend.linear(x, layer.base, activation);
  Tensor y = backend.linear(x, layer.base, Activation::kNone);
  add_adapters(backend, y, x, layer);
  backend.activate(y, activation);
  return y;
}

void linear_add(Backend& backend, Tensor& y, const Tensor& x, const AdaptedLinear& layer) {
  backend.linear_add(y, x, layer.base);
  add_adapters(backend, y, x, layer);
}

}  // namespace owl3
