// Products in int8 by oneDNN: int8 weights with a scale per output feature, x rounded to int8 with a
// scale per row, sums in int32. Twice the rate of bf16 with VNNI; the scales, the bias and the
// activation follow in a pass of their own while the sums are in the last cache.
#include <dnnl.hpp>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/for_rows.h"
#include "core/threads.h"

namespace owl3 {

namespace {

using dnnl::memory;

/// sums [M, N] = x W^T in int32.
void multiply_int8(const Tensor& x, const Tensor& weight, Tensor& sums) {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const int64_t m = x.dim(0);
  const int64_t k = x.dim(1);
  const int64_t n = weight.dim(0);
  const memory::desc source({m, k}, memory::data_type::s8, memory::format_tag::ab);
  const memory::desc weights({k, n}, memory::data_type::s8, memory::format_tag::ba);
  const memory::desc target({m, n}, memory::data_type::s32, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(source, weights, target),
                                                 engine);
  dnnl::stream stream(engine);
  dnnl::matmul(description)
      .execute(stream, {{DNNL_ARG_SRC, memory(source, engine, x.raw())},
                        {DNNL_ARG_WEIGHTS, memory(weights, engine, weight.raw())},
                        {DNNL_ARG_DST, memory(target, engine, sums.raw())}});
  stream.wait();
}

}  // namespace

Linear CpuBackend::to_int8(const Linear& layer) {
  const int64_t n = layer.weight.dim(0);
  const int64_t k = layer.weight.dim(1);
  const Linear rounded = {make_tensor(DType::kI8, {n, k}), layer.bias,
                          make_tensor(DType::kF32, {n})};
  for_rows(n, k, [&](int64_t first, int64_t last) {
    std::vector<float> row(static_cast<size_t>(k));
    for (int64_t i = first; i < last; ++i) {
      kernels_->to_float(cpu::storage_of(layer.weight.dtype()), cpu::element(layer.weight, i, 0),
                         row.data(), k);
      rounded.scales.f32()[i] =
          kernels_->round_int8(row.data(), k, rounded.weight.data<int8_t>() + i * k);
    }
  });
  return rounded;
}

void CpuBackend::product_int8(const Tensor& x, const Linear& layer, Activation activation,
                              Tensor& y, bool accumulate) {
  const int64_t m = x.dim(0);
  const int64_t k = x.dim(1);
  const int64_t n = layer.weight.dim(0);
  const Tensor rounded = allocate(DType::kI8, {m, k});
  const Tensor row_scales = allocate(DType::kF32, {m});
  for_rows(m, k, [&](int64_t first, int64_t last) {
    std::vector<float> row(static_cast<size_t>(k));
    for (int64_t i = first; i < last; ++i) {
      kernels_->to_float(cpu::storage_of(x.dtype()), cpu::element(x, i, 0), row.data(), k);
      row_scales.f32()[i] = kernels_->round_int8(row.data(), k, rounded.data<int8_t>() + i * k);
    }
  });
  Tensor sums = allocate(DType::kF32, {m, n});  // int32, of the same size
  multiply_int8(rounded, layer.weight, sums);
  for_rows(m, n, [&](int64_t first, int64_t last) {
    std::vector<float> row(static_cast<size_t>(n));
    for (int64_t i = first; i < last; ++i) {
      kernels_->scale_sums(sums.data<int32_t>() + i * n, row_scales.f32()[i], layer.scales.f32(),
                           layer.bias.defined() ? layer.bias.f32() : nullptr, row.data(), n);
      apply_activation(activation, row.data(), n);
      if (y.dtype() == DType::kBF16) {
        kernels_->to_bf16(row.data(), y.data<uint16_t>() + i * n, n);
      } else if (accumulate) {
        kernels_->add(y.f32() + i * n, row.data(), n);
      } else {
        std::copy(row.begin(), row.end(), y.f32() + i * n);
      }
    }
  });
}

}  // namespace owl3
