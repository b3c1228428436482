// Linear layers: which way a product takes.
//
// Up to kFewRows rows of x: matrix-vector kernels at memory speed, quantised weights with x in
// int8; a row's result has the same bits whatever rows come with it. More: quantised weights again
// with x in int8, to the same bits (product_blocks.cpp); others by oneDNN's bf16 product if the
// processor multiplies bf16 (product_bf16.cpp); elsewhere panels of weights expanded to float32
// (product_panels.cpp), since oneDNN's emulated bf16 runs at a fifth of the float32 rate there. The
// two latter take quantised weights, too, where their precision was asked for.
// int8 weights have a way of their own, or become blocks (product_int8.cpp).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/for_rows.h"
#include "core/threads.h"

namespace owl3 {

namespace {

// A matrix-vector product's tasks: the first are large, since the streams of weights begin anew in
// each, the last so small that all threads end together, and none so small that handing it to a
// thread costs much; whole groups of the features that quantised kernels take at once.
constexpr int64_t kTaskUnit = 16;
constexpr int64_t kMinTaskRows = 64;
// Rows of x in bf16 lie as the weights do, seen from the beginnings of cache lines (matvec.cpp).
constexpr size_t kLineBytes = 64;

/// Rows of weights may be padded to whole blocks with zeros, which x needs no values for.
bool fits_blocks(const Tensor& x, const Tensor& weight) {
  constexpr int64_t kBlock = 32;
  return (x.row_size() + kBlock - 1) / kBlock * kBlock == weight.dim(1);
}

}  // namespace

bool CpuBackend::takes_bf16_product(int64_t rows) const {
  return bf16_product_ && rows > cpu::kFewRows;
}

DType CpuBackend::product_input(int64_t rows) const {
  return takes_bf16_product(rows) ? DType::kBF16 : DType::kF32;
}

Tensor CpuBackend::linear(const Tensor& x, const Linear& layer, Activation activation) {
  // Behind an activation comes another product.
  const bool in_float =
      activation == Activation::kNone || takes_blocks_product(x.dim(0), layer.weight.dtype());
  const DType dtype = in_float ? DType::kF32 : product_input(x.dim(0));
  Tensor y = allocate(dtype, {x.dim(0), layer.weight.dim(0)});
  product(x, layer, activation, y, /*accumulate=*/false);
  return y;
}

void CpuBackend::linear_add(Tensor& y, const Tensor& x, const Linear& layer) {
  product(x, layer, Activation::kNone, y, /*accumulate=*/true);
}

void CpuBackend::activate(Tensor& y, Activation activation) {
  finish_product(Tensor(), activation, y);
}

void CpuBackend::product(const Tensor& x, const Linear& layer, Activation activation, Tensor& y,
                         bool accumulate) {
  const Tensor& weight = layer.weight;
  OWL3_CHECK(y.dim(1) == weight.dim(0) && y.dim(0) == x.dim(0));
  if (x.dim(0) == 0) return;
  if (weight.dtype() == DType::kI8) {
    product_int8(x, layer, activation, y, accumulate);
    return;
  }
  OWL3_CHECK(x.row_size() == weight.dim(1) ||
             (blocks_product_ && is_quantised(weight.dtype()) && fits_blocks(x, weight)));
  if (takes_blocks_product(x.dim(0), weight.dtype())) {
    product_blocks(x, weight, y, accumulate);
    finish_product(layer.bias, activation, y);
    return;
  }
  if (takes_bf16_product(x.dim(0))) {
    product_bf16(x, layer, activation, y, accumulate);
    return;
  }
  if (x.dim(0) <= cpu::kFewRows) {
    product_few_rows(x, weight, y, accumulate);
  } else {
    product_by_panels(x, weight, y, accumulate);
  }
  finish_product(layer.bias, activation, y);
}

void CpuBackend::finish_product(const Tensor& bias, Activation activation, Tensor& y) {
  if (!bias.defined() && activation == Activation::kNone) return;
  const int64_t n = y.row_size();
  for_rows(y.dim(0), n, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      float* values = y.f32() + row * n;
      if (bias.defined()) kernels_->add(values, bias.f32(), n);
      apply_activation(activation, values, n);
    }
  });
}

void CpuBackend::apply_activation(Activation activation, float* values, int64_t n) const {
  if (activation == Activation::kGeluTanh) kernels_->gelu_tanh(values, n);
  if (activation == Activation::kGeluErf) {
    for (int64_t i = 0; i < n; ++i) {
      values[i] = 0.5f * values[i] * (1.0f + std::erf(values[i] * 0.70710678f));
    }
  }
  if (activation == Activation::kSigmoid) {
    for (int64_t i = 0; i < n; ++i) values[i] = 1.0f / (1.0f + std::exp(-values[i]));
  }
}

template <typename Body>
void CpuBackend::few_rows_by_tasks(int64_t n, const Body& body) const {
  std::vector<int64_t> bounds = {0};
  while (bounds.back() < n) {
    const int64_t left = n - bounds.back();
    const int64_t share = left * 2 / (3 * threads_) / kTaskUnit * kTaskUnit;
    bounds.push_back(bounds.back() + std::min(left, std::max(share, kMinTaskRows)));
  }
  parallel_for(threads_, static_cast<int64_t>(bounds.size()) - 1, [&](int64_t task) {
    const int64_t* bound = &bounds[static_cast<size_t>(task)];
    body(bound[0], bound[1] - bound[0]);
  });
}

void CpuBackend::product_few_rows(const Tensor& x, const Tensor& weight, Tensor& y,
                                  bool accumulate) {
  const int64_t m = x.dim(0);
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  const cpu::Storage storage = cpu::storage_of(weight.dtype());
  if (is_quantised(weight.dtype())) {
    const auto prepared = prepare_rows(storage, x);
    few_rows_by_tasks(n, [&](int64_t first, int64_t rows) {
      kernels_->matvec_quantised(storage, cpu::element(weight, first, 0), rows, k, prepared.get(),
                                 m, y.f32() + first, n, accumulate);
    });
  } else if (bf16_product_ && kernels_->bf16_dot && weight.dtype() == DType::kBF16) {
    const Tensor x16 = to_bf16(x, reinterpret_cast<uintptr_t>(weight.raw()) % kLineBytes);
    few_rows_by_tasks(n, [&](int64_t first, int64_t rows) {
      kernels_->matvec_bf16(weight.data<uint16_t>() + first * k, k, rows, k, x16.data<uint16_t>(),
                            k, m, y.f32() + first, n, accumulate);
    });
  } else {
    few_rows_by_tasks(n, [&](int64_t first, int64_t rows) {
      kernels_->matvec(storage, cpu::element(weight, first, 0), k, rows, k, x.f32(), k, m,
                       y.f32() + first, n, accumulate);
    });
  }
}

}  // namespace owl3
