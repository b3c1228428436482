// Products with many rows in bf16, by oneDNN: 90 % of the processor's bf16 peak on bf16 weights as
// they lie in the checkpoint. Weights of other types are expanded to bf16 in strips that stay in
// the last cache; that costs about half a cycle a weight, a few hundredths of the product of 512
// rows.
#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/for_rows.h"
#include "backend/cpu/onednn_products.h"

namespace owl3 {

namespace {

constexpr size_t kStripBytes = size_t{4} << 20;
constexpr int64_t kStripUnit = 64;  // output features

}  // namespace

Tensor CpuBackend::to_bf16(const Tensor& x, size_t offset) {
  if (x.dtype() == DType::kBF16) return x;
  auto owner = pool_->allocate(bytes_of(DType::kBF16, x.size()) + offset);
  void* data = static_cast<std::byte*>(owner.get()) + offset;
  Tensor y(DType::kBF16, x.shape(), data, std::move(owner));
  const int64_t n = x.row_size();
  for_rows(x.dim(0), n, [&](int64_t first, int64_t last) {
    kernels_->to_bf16(x.f32() + first * n, y.data<uint16_t>() + first * n, (last - first) * n);
  });
  return y;
}

void CpuBackend::product_bf16(const Tensor& x, const Linear& layer, Activation activation,
                              Tensor& y, bool accumulate) {
  const Tensor x16 = to_bf16(x);
  const Tensor& weight = layer.weight;
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  if (weight.dtype() == DType::kBF16) {
    onednn_->multiply_bf16(x16, weight.data<uint16_t>(), n, layer.bias, activation, accumulate, y,
                           0);
    return;
  }
  const int64_t fitting = static_cast<int64_t>(kStripBytes) / (2 * k) / kStripUnit * kStripUnit;
  const int64_t strip_columns = std::min(n, std::max(kStripUnit, fitting));
  Tensor strip = allocate(DType::kBF16, {strip_columns, k});
  for (int64_t first = 0; first < n; first += strip_columns) {
    const int64_t columns = std::min(strip_columns, n - first);
    for_rows(columns, k, [&](int64_t begin, int64_t end) {
      kernels_->expand_bf16(cpu::storage_of(weight.dtype()), cpu::element(weight, first + begin, 0),
                            strip.data<uint16_t>() + begin * k, (end - begin) * k);
    });
    onednn_->multiply_bf16(x16, strip.data<uint16_t>(), columns, layer.bias, activation, accumulate,
                           y, first);
  }
}

}  // namespace owl3
