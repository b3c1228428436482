// Products of many rows with weights in blocks, in int8: x is rounded once, by as many values as
// share a scale of the weights, and meets the weights' own integers, which are unpacked
// panel by panel (kernels/product_quantised.cpp). Sums are scaled unit by unit, in float32.
#include <algorithm>
#include <atomic>

#include "backend/cpu/cpu_backend.h"
#include "core/threads.h"

namespace owl3 {

namespace {

// Output features of a task: whole panels of every instruction set; enough of them that no thread
// waits long for the last.
constexpr int64_t kTaskUnit = 32;
constexpr int64_t kMaxTaskFeatures = 128;
constexpr int64_t kTasksPerThread = 8;
// Rounded by a task: of fewer, waking a thread costs more than the work.
constexpr int64_t kMinTaskValues = 16384;

}  // namespace

bool CpuBackend::takes_blocks_product(int64_t rows, DType weights) const {
  return blocks_product_ && is_quantised(weights) && rows > cpu::kFewRows;
}

std::shared_ptr<void> CpuBackend::prepare_rows(cpu::Storage storage, const Tensor& x) {
  const int64_t m = x.dim(0);
  const int64_t k = x.row_size();
  auto prepared = pool_->allocate(kernels_->prepared_bytes(m, k));
  const auto prepare = [&](int64_t first, int64_t count) {
    if (x.dtype() == DType::kF32) {
      kernels_->prepare_input(storage, x.f32() + first * k, k, first, count, m, prepared.get());
      return;
    }
    std::vector<float> values(static_cast<size_t>(count * k));
    kernels_->to_float(cpu::storage_of(x.dtype()), cpu::element(x, first, 0), values.data(),
                       count * k);
    kernels_->prepare_input(storage, values.data(), k, first, count, m, prepared.get());
  };
  const int64_t task_rows =
      (kMinTaskValues / k / cpu::kPreparedTogether + 1) * cpu::kPreparedTogether;
  parallel_for(threads_, (m + task_rows - 1) / task_rows, [&](int64_t task) {
    const int64_t first = task * task_rows;
    prepare(first, std::min(task_rows, m - first));
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
  // A thread keeps its panel from task to task: another's would have to come out of its caches.
  const int64_t tasks = (n + task_features - 1) / task_features;
  std::atomic<int64_t> next = 0;
  parallel_for(threads_, std::min<int64_t>(threads_, tasks), [&](int64_t) {
    const auto scratch = pool_->allocate(kernels_->product_scratch_bytes(m));
    for (int64_t first; (first = next.fetch_add(task_features)) < n;) {
      kernels_->product_quantised(storage, cpu::element(weight, first, 0),
                                  std::min(task_features, n - first), k, prepared.get(), m,
                                  y.f32() + first, n, accumulate, scratch.get());
    }
  });
}

}  // namespace owl3
