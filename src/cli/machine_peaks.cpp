#include "cli/machine_peaks.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/threads.h"

namespace owl3::cli {

namespace {

using Clock = std::chrono::steady_clock;

/// Best of a few runs of work(thread) on all threads, in seconds.
template <typename Work>
double best_seconds(int threads, const Work& work) {
  double best = 1e30;
  for (int run = 0; run < 5; ++run) {
    const auto start = Clock::now();
    parallel_for(threads, threads, work);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

MachinePeaks measure_peaks(const cpu::Kernels& kernels, int threads) {
  MachinePeaks peaks;
  // A tile whose operands all stay in the L1 cache: 24 rows, 96 deep.
  constexpr int64_t kRows = 24, kDepth = 96, kProducts = 20000;
  const int64_t columns = kernels.panel_columns;
  const double product_seconds = best_seconds(threads, [&](int64_t) {
    std::vector<float> a(kRows * kDepth, 1e-3f);
    std::vector<float> panel(static_cast<size_t>(kDepth * columns), 1e-3f);
    std::vector<float> c(static_cast<size_t>(kRows * columns));
    for (int64_t i = 0; i < kProducts; ++i) {
      kernels.multiply_panel(kRows, kDepth, a.data(), kDepth, panel.data(), c.data(), columns,
                             columns, false);
    }
  });
  peaks.gflops = 2e-9 * static_cast<double>(kRows * kDepth * columns * kProducts) *
                 static_cast<double>(threads) / product_seconds;

  // A matrix-vector product over memory far larger than the caches.
  constexpr int64_t kInputs = 4096, kOutputs = 32768;  // 256 MiB of bf16 per thread
  const std::vector<uint16_t> weights(static_cast<size_t>(kInputs * kOutputs * threads), 0x3c00);
  const std::vector<float> x(kInputs, 1e-3f);
  const double read_seconds = best_seconds(threads, [&](int64_t thread) {
    std::vector<float> y(kOutputs);
    kernels.matvec(cpu::Storage::kBF16, weights.data() + thread * kInputs * kOutputs, kInputs,
                   kOutputs, kInputs, x.data(), kInputs, 1, y.data(), kOutputs);
  });
  peaks.gigabytes_per_second = 1e-9 * static_cast<double>(weights.size() * 2) / read_seconds;
  return peaks;
}

}  // namespace owl3::cli
