// Products with many rows in bf16, by oneDNN: 90 % of the processor's bf16 peak on bf16 weights as
// they lie in the checkpoint. Weights of other types are expanded to bf16 in strips that stay in
// the last cache; that costs about half a cycle a weight, a few hundredths of the product of 512
// rows.
#include <algorithm>
#include <dnnl.hpp>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/for_rows.h"

namespace owl3 {

namespace {

using dnnl::memory;

constexpr size_t kStripBytes = size_t{4} << 20;
constexpr int64_t kStripUnit = 64;  // output features

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::data_type type_of(const Tensor& tensor) {
  return tensor.dtype() == DType::kBF16 ? memory::data_type::bf16 : memory::data_type::f32;
}

dnnl::primitive_attr attributes_of(Activation activation, bool accumulate) {
  dnnl::post_ops operations;
  if (accumulate) operations.append_sum(1.0f);
  if (activation == Activation::kGeluTanh) {
    operations.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_tanh, 0, 0);
  } else if (activation == Activation::kGeluErf) {
    operations.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
  }
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(operations);
  return attributes;
}

/// Output features first.. of y = activation(x W^T + b), from their bf16 weights [columns, K].
void multiply_strip(const Tensor& x, const uint16_t* weights, const Tensor& bias, Tensor& y,
                    int64_t first, int64_t columns, const dnnl::primitive_attr& attributes) {
  const int64_t m = x.dim(0);
  const int64_t k = x.dim(1);
  const memory::desc source({m, k}, memory::data_type::bf16, memory::format_tag::ab);
  const memory::desc weight({k, columns}, memory::data_type::bf16, memory::format_tag::ba);
  const memory::desc target({m, columns}, type_of(y), memory::dims{y.dim(1), 1});
  const memory::desc bias_row =
      bias.defined() ? memory::desc({1, columns}, memory::data_type::f32, memory::format_tag::ab)
                     : memory::desc();
  // oneDNN keeps the generated code of recent primitives, so this costs microseconds.
  const dnnl::engine& engine = cpu_engine();
  const dnnl::matmul::primitive_desc description(
      dnnl::matmul::desc(source, weight, bias_row, target), attributes, engine);
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, memory(source, engine, x.raw())},
      {DNNL_ARG_WEIGHTS, memory(weight, engine, const_cast<uint16_t*>(weights))},
      {DNNL_ARG_DST, memory(target, engine, y.data<std::byte>() + bytes_of(y.dtype(), first))}};
  if (bias.defined()) {
    arguments.emplace(DNNL_ARG_BIAS, memory(bias_row, engine, bias.f32() + first));
  }
  dnnl::stream stream(engine);
  dnnl::matmul(description).execute(stream, arguments);
  stream.wait();
}

}  // namespace

Tensor CpuBackend::to_bf16(const Tensor& x) {
  if (x.dtype() == DType::kBF16) return x;
  Tensor y = allocate(DType::kBF16, x.shape());
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
  const dnnl::primitive_attr attributes = attributes_of(activation, accumulate);
  if (weight.dtype() == DType::kBF16) {
    multiply_strip(x16, weight.data<uint16_t>(), layer.bias, y, 0, n, attributes);
    return;
  }
  const int64_t fitting = static_cast<int64_t>(kStripBytes) / (2 * k) / kStripUnit * kStripUnit;
  const int64_t strip_columns = std::min(n, std::max(kStripUnit, fitting));
  const Tensor strip = allocate(DType::kBF16, {strip_columns, k});
  for (int64_t first = 0; first < n; first += strip_columns) {
    const int64_t columns = std::min(strip_columns, n - first);
    for_rows(columns, k, [&](int64_t begin, int64_t end) {
      kernels_->expand_bf16(cpu::storage_of(weight.dtype()), cpu::element(weight, first + begin, 0),
                            strip.data<uint16_t>() + begin * k, (end - begin) * k);
    });
    multiply_strip(x16, strip.data<uint16_t>(), layer.bias, y, first, columns, attributes);
  }
}

}  // namespace owl3
