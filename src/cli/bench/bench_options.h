// What `owl3 bench` is asked to measure.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "owl3/options.h"

namespace owl3::cli {

enum class BenchFormat { kTable, kJson, kMarkdown };

struct BenchOptions {
  std::string model;
  std::vector<std::string> types;  // none: the model as it is
  std::string vision = "bf16";     // of the files that are made for `types`
  std::vector<int> threads = {0};  // 0: what affinity and CPU quota allow
  std::vector<std::string> tests = {"encode", "prefill", "decode", "images"};
  std::vector<int64_t> images = {1, 10};
  int64_t batch = 1;
  int64_t prefill_tokens = 512;
  int64_t decode_tokens = 16;
  std::vector<int64_t> parallel = {1};  // conversations that decode at once
  int repetitions = 5;
  ModelOptions model_options;  // its threads are not used
  BenchFormat format = BenchFormat::kTable;

  bool wants(const std::string& test) const;
};

/// The options of the command line, which fill `options` when it is parsed.
void add_bench_options(CLI::App& command, BenchOptions& options);

}  // namespace owl3::cli
