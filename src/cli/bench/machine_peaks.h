// What this machine can do at best: the yardstick beside every benchmark figure.
#pragma once

#include "backend/cpu/kernels.h"

namespace owl3::cli {

/// Each by `threads` threads at once. An operation is a multiplication or an addition.
struct MachinePeaks {
  int threads = 0;
  double float32_gflops = 0;
  double bf16_gflops = 0;  // 0: the processor has no bf16 products, and none are used
  double int8_gops = 0;
  double gigabytes_per_second = 0;  // reading memory

  /// Not for devices other than the CPU.
  bool are_known() const { return gigabytes_per_second > 0; }
};

/// Measures all of them, in a second or two.
MachinePeaks measure_peaks(const cpu::Kernels& kernels, int threads);

}  // namespace owl3::cli
