// Products with many rows in float32: panels of weights are expanded to float32 in cache and
// multiplied there, whatever type they are stored in. The reference, and the way of processors that
// do not multiply bf16.
#include "backend/cpu/cpu_backend.h"
#include "core/threads.h"

namespace owl3 {

namespace {

// A panel block of the weights, kBlockColumns x kBlockDepth float32, shares the L2 cache with
// kBlockRows rows of x. Measured on 2 cores with 2 MiB of L2: within 5 % of the best of all
// power-of-two choices at the shapes of the vision encoder and the decoder.
constexpr int64_t kBlockColumns = 128;
constexpr int64_t kBlockDepth = 1536;
constexpr int64_t kBlockRows = 192;
// Products below this many multiply-adds are not worth a second thread.
constexpr int64_t kParallelProduct = int64_t{1} << 22;

/// k cut into equal blocks of at most kBlockDepth, each of whole blocks of the weights' type.
int64_t block_depth_of(int64_t k, DType dtype) {
  const int64_t unit = block_values(dtype);
  const int64_t blocks = (k + kBlockDepth - 1) / kBlockDepth;
  return (k + blocks * unit - 1) / (blocks * unit) * unit;
}

/// Packs columns first_column.. of the weights, inputs k0.., into one panel.
void pack_panel(const cpu::Kernels& kernels, const Tensor& weight, int64_t first_column, int64_t k0,
                int64_t columns, int64_t depth, float* expanded, float* panel) {
  const int64_t k = weight.dim(1);
  if (!is_quantised(weight.dtype())) {
    kernels.pack_panel(cpu::storage_of(weight.dtype()), cpu::element(weight, first_column, k0), k,
                       columns, depth, panel);
    return;
  }
  for (int64_t column = 0; column < columns; ++column) {
    kernels.to_float(cpu::storage_of(weight.dtype()),
                     cpu::element(weight, first_column + column, k0), expanded + column * depth,
                     depth);
  }
  kernels.pack_panel(cpu::Storage::kF32, expanded, depth, columns, depth, panel);
}

}  // namespace

void CpuBackend::product_by_panels(const Tensor& x, const Tensor& weight, Tensor& y,
                                   bool accumulate) {
  const int64_t m = x.dim(0);
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  const int64_t panel_columns = kernels_->panel_columns;
  const int64_t depth = block_depth_of(k, weight.dtype());
  const int64_t tasks = (n + kBlockColumns - 1) / kBlockColumns;

  const int threads = m * n * k < kParallelProduct ? 1 : threads_;
  parallel_for(threads, tasks, [&](int64_t task) {
    const int64_t floats = (kBlockColumns + panel_columns) * depth;
    const auto buffer = pool_->allocate(static_cast<size_t>(floats) * sizeof(float));
    auto* panels = static_cast<float*>(buffer.get());
    float* expanded = panels + kBlockColumns * depth;
    const int64_t first_column = task * kBlockColumns;
    const int64_t last_column = std::min(n, first_column + kBlockColumns);
    for (int64_t k0 = 0; k0 < k; k0 += depth) {
      const int64_t block_depth = std::min(depth, k - k0);
      for (int64_t column = first_column; column < last_column; column += panel_columns) {
        pack_panel(*kernels_, weight, column, k0, std::min(panel_columns, last_column - column),
                   block_depth, expanded, panels + (column - first_column) * block_depth);
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

}  // namespace owl3
