// Linear layers: which of three ways a product takes.
//
// Up to kMaxMatvecRows rows of x: matrix-vector kernels at memory speed. More: oneDNN's bf16
// product on the weights where they lie, if the processor multiplies bf16 (oneDNN reaches 90 % of
// its peak there); elsewhere panels of weights expanded to float32 (oneDNN's emulated bf16 runs at
// a fifth of the float32 rate on such processors).
#include <cmath>
#include <dnnl.hpp>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/for_rows.h"
#include "core/threads.h"

namespace owl3 {

namespace {

// A panel block of the weights, kBlockColumns x kBlockDepth float32, shares the L2 cache with
// kBlockRows rows of x. Measured on 2 cores with 2 MiB of L2: within 5 % of the best of all
// power-of-two choices at the shapes of the vision encoder and the decoder.
constexpr int64_t kBlockColumns = 128;
constexpr int64_t kBlockDepth = 1536;
constexpr int64_t kBlockRows = 192;
// A matrix-vector product's task: at least this many weights, so that handing it to a thread costs
// little beside it, computed in steps of a few rows.
constexpr int64_t kMatvecTaskWeights = int64_t{1} << 17;
constexpr int64_t kMatvecStepRows = 64;
// Products below this many multiply-adds are not worth a second thread.
constexpr int64_t kParallelProduct = int64_t{1} << 22;

const std::byte* element(const Tensor& weight, int64_t row, int64_t column) {
  return weight.data<std::byte>() + bytes_of(weight.dtype(), row * weight.dim(1) + column);
}

}  // namespace

Tensor CpuBackend::linear(const Tensor& x, const Linear& layer, Activation activation) {
  Tensor y = allocate(DType::kF32, {x.dim(0), layer.weight.dim(0)});
  product(x, layer, y, /*accumulate=*/false);
  if (activation != Activation::kNone) {
    for_rows(y.dim(0), y.dim(1), [&](int64_t first, int64_t last) {
      float* values = y.f32() + first * y.dim(1);
      const int64_t count = (last - first) * y.dim(1);
      if (activation == Activation::kGeluTanh) {
        kernels_->gelu_tanh(values, count);
      } else {
        for (int64_t i = 0; i < count; ++i) {
          values[i] = 0.5f * values[i] * (1.0f + std::erf(values[i] * 0.70710678f));
        }
      }
    });
  }
  return y;
}

void CpuBackend::linear_add(Tensor& y, const Tensor& x, const Linear& layer) {
  product(x, layer, y, /*accumulate=*/true);
}

void CpuBackend::product(const Tensor& x, const Linear& layer, Tensor& y, bool accumulate) {
  const Tensor& weight = layer.weight;
  OWL3_CHECK(x.row_size() == weight.dim(1) && y.dim(1) == weight.dim(0) && y.dim(0) == x.dim(0));
  if (x.dim(0) == 0) return;
  if (x.dim(0) <= cpu::kMaxMatvecRows) {
    product_few_rows(x, weight, y, accumulate);
  } else if (bf16_product_ && weight.dtype() == DType::kBF16) {
    product_bf16(x, weight, y, accumulate);
  } else {
    product_by_panels(x, weight, y, accumulate);
  }
  if (layer.bias.defined()) {
    for_rows(y.dim(0), y.dim(1), [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        kernels_->add(y.f32() + row * y.dim(1), layer.bias.f32(), y.dim(1));
      }
    });
  }
}

void CpuBackend::product_few_rows(const Tensor& x, const Tensor& weight, Tensor& y,
                                  bool accumulate) {
  const int64_t m = x.dim(0);
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  const int64_t steps_per_task = std::max<int64_t>(1, kMatvecTaskWeights / (kMatvecStepRows * k));
  const int64_t task_rows = steps_per_task * kMatvecStepRows;
  const auto step = [&](int64_t first, int64_t rows) {
    float sums[cpu::kMaxMatvecRows * kMatvecStepRows];
    kernels_->matvec(cpu::storage_of(weight.dtype()), element(weight, first, 0), k, rows, k,
                     x.f32(), k, m, sums, kMatvecStepRows);
    for (int64_t i = 0; i < m; ++i) {
      float* out = y.f32() + i * n + first;
      for (int64_t j = 0; j < rows; ++j) {
        out[j] = sums[i * kMatvecStepRows + j] + (accumulate ? out[j] : 0.0f);
      }
    }
  };
  parallel_for(threads_, (n + task_rows - 1) / task_rows, [&](int64_t task) {
    const int64_t last = std::min(n, (task + 1) * task_rows);
    for (int64_t first = task * task_rows; first < last; first += kMatvecStepRows) {
      step(first, std::min(kMatvecStepRows, last - first));
    }
  });
}

void CpuBackend::product_by_panels(const Tensor& x, const Tensor& weight, Tensor& y,
                                   bool accumulate) {
  const int64_t m = x.dim(0);
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  const int64_t panel_columns = kernels_->panel_columns;
  const int64_t depth_blocks = (k + kBlockDepth - 1) / kBlockDepth;
  const int64_t depth = (k + depth_blocks - 1) / depth_blocks;
  const int64_t tasks = (n + kBlockColumns - 1) / kBlockColumns;

  const int threads = m * n * k < kParallelProduct ? 1 : threads_;
  parallel_for(threads, tasks, [&](int64_t task) {
    const auto buffer = pool_->allocate(static_cast<size_t>(kBlockColumns * depth) * sizeof(float));
    auto* panels = static_cast<float*>(buffer.get());
    const int64_t first_column = task * kBlockColumns;
    const int64_t last_column = std::min(n, first_column + kBlockColumns);
    for (int64_t k0 = 0; k0 < k; k0 += depth) {
      const int64_t block_depth = std::min(depth, k - k0);
      for (int64_t column = first_column; column < last_column; column += panel_columns) {
        kernels_->pack_panel(cpu::storage_of(weight.dtype()), element(weight, column, k0), k,
                             std::min(panel_columns, last_column - column), block_depth,
                             panels + (column - first_column) * block_depth);
      }
      for (int64_t row = 0; row < m; row += kBlockRows) {
        for (int64_t column = first_column; column < last_column; column += panel_columns) {
          kernels_->multiply_panel(
              std::min(kBlockRows, m - row), block_depth, x.f32() + row * k + k0, k,
              panels + (column - first_column) * block_depth, y.f32() + row * n + column, n,
              std::min(panel_columns, last_column - column), accumulate || k0 > 0);
        }
      }
    }
  });
}

void CpuBackend::product_bf16(const Tensor& x, const Tensor& weight, Tensor& y, bool accumulate) {
  using dnnl::memory;
  const int64_t m = x.dim(0);
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  const Tensor x16 = allocate(DType::kBF16, {m, k});
  for_rows(m, k, [&](int64_t first, int64_t last) {
    kernels_->to_bf16(x.f32() + first * k, x16.data<uint16_t>() + first * k, (last - first) * k);
  });

  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc source({m, k}, memory::data_type::bf16, memory::format_tag::ab);
  const memory::desc weights({k, n}, memory::data_type::bf16, memory::format_tag::ba);
  const memory::desc target({m, n}, memory::data_type::f32, memory::format_tag::ab);
  dnnl::primitive_attr attributes;
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  // oneDNN keeps the generated code of recent primitives, so this costs microseconds.
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(source, weights, target),
                                                 attributes, engine);
  dnnl::matmul(description)
      .execute(stream, {{DNNL_ARG_SRC, memory(source, engine, x16.raw())},
                        {DNNL_ARG_WEIGHTS, memory(weights, engine, weight.raw())},
                        {DNNL_ARG_DST, memory(target, engine, y.raw())}});
  stream.wait();
}

}  // namespace owl3
