// How `owl3 bench` tells what it measured: a table as it comes, Markdown, or JSON.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/bench/bench_measurement.h"
#include "cli/bench/bench_options.h"

namespace owl3::cli {

/// What all figures have in common.
struct BenchSetting {
  const BenchOptions& options;
  std::string processor;
  std::string kernels;              // the engine's, for this processor
  std::vector<MachinePeaks> peaks;  // one for every number of threads
};

/// One model in one type on one number of threads.
struct BenchRun {
  std::string type;
  std::string device;
  MachinePeaks peaks;
  int64_t weight_bytes = 0;
  int64_t peak_memory_bytes = 0;  // known at its end
  std::vector<Measurement> tests;
};

class BenchReport {
 public:
  virtual ~BenchReport() = default;
  virtual void begin(const BenchSetting& setting) = 0;
  virtual void add(const BenchRun& run, const Measurement& test) = 0;
  virtual void end(const BenchSetting& setting, const std::vector<BenchRun>& runs) = 0;
};

std::unique_ptr<BenchReport> make_bench_report(BenchFormat format);

}  // namespace owl3::cli
