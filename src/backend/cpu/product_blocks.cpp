// Products of many rows with weights in blocks, in int8: x is rounded once, by as many values as
// share a scale of the weights, and meets the weights' own integers, which are unpacked
// panel by panel (kernels/product_quantised.cpp). Sums are scaled unit by unit, in float32.
#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/for_rows.h"
#include "core/threads.h"

namespace owl3 {

namespace {

// Output features of a task: whole panels of every instruction set; enough of them that no thread
// waits long for the last.
constexpr int64_t kTaskUnit = 32;
constexpr int64_t kMaxTaskFeatures = 128;
constexpr int64_t kTasksPerThread = 8;

}  // namespace

bool CpuBackend::takes_blocks_product(int64_t rows, DType weights) const {
  return blocks_product_ && is_quantised(weights) && rows > cpu::kFewRows;
}

std::shared_ptr<void> CpuBackend::prepare_rows(cpu::Storage storage, const Tensor& x) {
  const int64_t m = x.dim(0);
  const int64_t k = x.row_size();
  auto prepared = pool_->allocate(kernels_->prepared_bytes(m, k));
  for_rows(m, k, [&](int64_t first, int64_t last) {
    std::vector<float> buffer(x.dtype() == DType::kF32 ? 0 : static_cast<size_t>(k));
    for (int64_t row = first; row < last; ++row) {
      const float* values = buffer.data();
      if (x.dtype() == DType::kF32) {
        values = x.f32() + row * k;
      } else {
        kernels_->to_float(cpu::storage_of(x.dtype()), cpu::element(x, row, 0), buffer.data(), k);
      }
      kernels_->prepare_input(storage, values, k, row, m, prepared.get());
    }
  });
  return prepared;
}

void CpuBackend::product_blocks(const Tensor& x, const Tensor& weight, Tensor& y, bool accumulate) {
  const int64_t m = x.dim(0);
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  const cpu::Storage storage = cpu::storage_of(weight.dtype());
  const auto prepared = prepare_rows(storage, x);
  const int64_t even = n / (kTasksPerThread * threads_) / kTaskUnit * kTaskUnit;
  const int64_t task_features = std::clamp(even, kTaskUnit, kMaxTaskFeatures);
  parallel_for(threads_, (n + task_features - 1) / task_features, [&](int64_t task) {
    const auto scratch = pool_->allocate(kernels_->product_scratch_bytes(m));
    const int64_t first = task * task_features;
    kernels_->product_quantised(storage, cpu::element(weight, first, 0),
                                std::min(task_features, n - first), k, prepared.get(), m,
                                y.f32() + first, n, accumulate, scratch.get());
  });
}

}  // namespace owl3
