// How the peaks are found. Arithmetic: the engine's own innermost kernels on operands in the L1
// cache, and for bf16 and int8 also oneDNN's product of matrices that stay in the outer caches,
// which is what encoding and prefill run, and the only one here that uses matrix units such as AMX.
// The faster of both counts, so that no test is flattered by a low yardstick. Memory: the
// matrix-vector kernel over far more weights than the caches hold.
#include "cli/bench/machine_peaks.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <dnnl.hpp>
#include <vector>

#include "backend/cpu/onednn_alone.h"
#include "core/block_layouts.h"
#include "core/threads.h"

namespace owl3::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRuns = 5;

/// Best of a few runs, in seconds.
template <typename Work>
double best_seconds(int runs, const Work& work) {
  double best = 1e30;
  for (int run = 0; run < runs; ++run) {
    const auto start = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

/// 10^9 operations a second, of work(thread) with so many operations on every thread.
template <typename Work>
double giga_operations(int threads, int64_t operations_per_thread, const Work& work) {
  const double seconds = best_seconds(kRuns, [&] { parallel_for(threads, threads, work); });
  return 1e-9 * static_cast<double>(operations_per_thread) * static_cast<double>(threads) / seconds;
}

double float32_in_l1(const cpu::Kernels& kernels, int threads) {
  constexpr int64_t kRows = 24, kDepth = 96, kProducts = 20000;
  const int64_t columns = kernels.panel_columns;
  return giga_operations(threads, 2 * kRows * kDepth * columns * kProducts, [&](int64_t) {
    std::vector<float> a(kRows * kDepth, 1e-3f);
    std::vector<float> panel(static_cast<size_t>(kDepth * columns), 1e-3f);
    std::vector<float> c(static_cast<size_t>(kRows * columns));
    for (int64_t i = 0; i < kProducts; ++i) {
      kernels.multiply_panel(kRows, kDepth, a.data(), kDepth, panel.data(), c.data(), columns,
                             columns, false);
    }
  });
}

double bf16_in_l1(const cpu::Kernels& kernels, int threads) {
  constexpr int64_t kRows = 16, kColumns = 64, kPairs = 64, kProducts = 10000;
  constexpr uint32_t kSmallPair = 0x3a803a80;  // 2^-10, twice
  return giga_operations(threads, 2 * kRows * kColumns * 2 * kPairs * kProducts, [&](int64_t) {
    std::vector<uint32_t> a(kRows * kPairs, kSmallPair);
    std::vector<uint32_t> b(kPairs * kColumns, kSmallPair);
    std::vector<float> c(kRows * kColumns);
    for (int64_t i = 0; i < kProducts; ++i) {
      kernels.multiply_pairs(kRows, kColumns, kPairs, a.data(), 1, kRows, b.data(), kColumns,
                             c.data(), kColumns, false);
    }
  });
}

/// Products of q8_0 weights with inputs rounded to int8, scales of both included.
double int8_in_l1(const cpu::Kernels& kernels, int threads) {
  constexpr int64_t kInputs = 512, kOutputs = 32, kProducts = 3000;
  constexpr int64_t kRows = cpu::kFewRows;
  return giga_operations(threads, 2 * kRows * kInputs * kOutputs * kProducts, [&](int64_t) {
    std::vector<BlockQ8_0> weights(kInputs / 32 * kOutputs);
    std::memset(static_cast<void*>(weights.data()), 1, weights.size() * sizeof(BlockQ8_0));
    const std::vector<float> x(kRows * kInputs, 1e-3f);
    std::vector<double> prepared(kernels.prepared_bytes(kRows, kInputs) / sizeof(double) + 1);
    kernels.prepare_input(cpu::Storage::kQ8_0, x.data(), kInputs, 0, kRows, kRows, prepared.data());
    std::vector<float> y(kRows * kOutputs);
    for (int64_t i = 0; i < kProducts; ++i) {
      kernels.matvec_quantised(cpu::Storage::kQ8_0, weights.data(), kOutputs, kInputs,
                               prepared.data(), kRows, y.data(), kOutputs, false);
    }
  });
}

/// oneDNN's product of square matrices, one on every thread, weights laid out as it likes them
/// best.
double onednn_products(int threads, dnnl::memory::data_type a, dnnl::memory::data_type b,
                       dnnl::memory::data_type c) {
  using dnnl::memory;
  constexpr int64_t kSize = 1024, kProducts = 4;
  const memory::dims shape = {kSize, kSize};
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const cpu::OneDnnAlone alone;
  dnnl::primitive_attr
      attributes;  // the library's own scratch memory is for the thread that made it
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc description(
      dnnl::matmul::desc({shape, a, memory::format_tag::ab}, {shape, b, memory::format_tag::any},
                         {shape, c, memory::format_tag::ab}),
      attributes, engine);
  const dnnl::matmul product(description);
  const auto work = [&](int64_t) {
    const cpu::OneDnnAlone alone_here;
    memory source(description.src_desc(), engine);
    memory weights(description.weights_desc(), engine);
    const memory scratch(description.scratchpad_desc(), engine);
    const memory target(description.dst_desc(), engine);
    // Small numbers of either type; zeros would cost less power, and so run faster.
    std::memset(source.get_data_handle(), 0x3a, source.get_desc().get_size());
    std::memset(weights.get_data_handle(), 0x3a, weights.get_desc().get_size());
    dnnl::stream stream(engine);
    for (int64_t i = 0; i < kProducts; ++i) {
      product.execute(stream, {{DNNL_ARG_SRC, source},
                               {DNNL_ARG_WEIGHTS, weights},
                               {DNNL_ARG_DST, target},
                               {DNNL_ARG_SCRATCHPAD, scratch}});
      stream.wait();
    }
  };
  return giga_operations(threads, 2 * kSize * kSize * kSize * kProducts, work);
}

double memory_speed(const cpu::Kernels& kernels, int threads) {
  // About 256 MiB of bf16 per thread, up to 2 GiB, in the portions of a matrix that decoding hands
  // to a thread. Rows no power of two apart: those would meet in the same few cache sets.
  constexpr int64_t kInputs = 4032, kOutputs = 256;
  const int64_t portions = std::min<int64_t>(130, 1040 / threads) * threads;
  const std::vector<uint16_t> weights(static_cast<size_t>(kInputs * kOutputs * portions), 0x3c00);
  const std::vector<float> x(kInputs, 1e-3f);
  const double seconds = best_seconds(kRuns, [&] {
    parallel_for(threads, portions, [&](int64_t portion) {
      float y[kOutputs];
      kernels.matvec(cpu::Storage::kBF16, weights.data() + portion * kInputs * kOutputs, kInputs,
                     kOutputs, kInputs, x.data(), kInputs, 1, y, kOutputs, false);
    });
  });
  return 1e-9 * static_cast<double>(weights.size() * sizeof(uint16_t)) / seconds;
}

}  // namespace

MachinePeaks measure_peaks(const cpu::Kernels& kernels, int threads) {
  using Type = dnnl::memory::data_type;
  MachinePeaks peaks;
  peaks.threads = threads;
  peaks.float32_gflops = float32_in_l1(kernels, threads);
  if (kernels.bf16_dot) {
    peaks.bf16_gflops = std::max(bf16_in_l1(kernels, threads),
                                 onednn_products(threads, Type::bf16, Type::bf16, Type::f32));
  }
  peaks.int8_gops = std::max(int8_in_l1(kernels, threads),
                             onednn_products(threads, Type::u8, Type::s8, Type::s32));
  peaks.gigabytes_per_second = memory_speed(kernels, threads);
  return peaks;
}

}  // namespace owl3::cli
