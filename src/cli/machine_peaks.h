// What this machine can do at best: the yardstick beside every benchmark figure.
#pragma once

#include "backend/cpu/kernels.h"

namespace owl3::cli {

struct MachinePeaks {
  double gflops = 0;  // float32 multiply-adds on operands in the L1 cache, all threads
  double gigabytes_per_second = 0;  // reading memory, all threads
};

/// Measures both, in about a second.
MachinePeaks measure_peaks(const cpu::Kernels& kernels, int threads);

}  // namespace owl3::cli
