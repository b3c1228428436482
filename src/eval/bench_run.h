// A benchmark asked of a model, row by row, and scored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/data_set.h"
#include "eval/bench_mistakes.h"
#include "eval/bench_records.h"
#include "owl3/owl3.h"

namespace owl3 {

struct BenchOptions {
  std::filesystem::path data;    // the folder with the benchmarks' files
  std::filesystem::path output;  // the folder for what comes of it
  int64_t limit = 0;             // only so many first rows; 0: all
  int64_t max_new_tokens = 100;
  std::string arithmetic;  // "bf16", "float32", ...: stands in the records
  std::string weights;     // what tells the model's from others: stands there, too
  BenchShard shard;
  bool official_compat = false;
  size_t mistakes = 0;  // how many of the worst answers are told, with their pictures
};

/// What was answered to a row, in short: to tell how two runs differ.
struct BenchAnswer {
  int64_t row = 0;
  uint64_t reply = 0;  // a checksum of the text
  std::optional<double> score;
};

struct BenchResult {
  std::string benchmark, title;
  nlohmann::ordered_json settings;  // how it was asked
  int64_t rows = 0;                 // that are to be asked: of the shard, within the limit
  int64_t answered = 0;             // of those
  int64_t errors = 0;               // rows that could not be asked, which are wrong, or scored
  int64_t unscored = 0;  // of those: asked, but left out, as their own reference is broken
  std::vector<std::string> first_errors;
  int64_t warnings = 0;  // rows whose film is not as it should be: see BenchFilms
  std::string first_warning;
  bool interrupted = false;
  /// Of all that were answered; nothing where others score them, or where it is not defined.
  std::optional<BenchmarkMetrics> metrics;
  std::string not_scored;  // why there is none
  /// What the official code gives, where it differs: metrics, or an error.
  nlohmann::ordered_json official;
  std::vector<std::filesystem::path> files;  // that were written
  std::vector<BenchAnswer> answers;          // of the rows that could be asked, in order
  std::vector<BenchMistake> mistakes;        // the worst
};

/// Where the records of a model go.
struct BenchPlace {
  std::string model;
  std::filesystem::path output;
};

/// Throws what run_benchmark() would before it asks anything, at any of these places: InputError
/// where data are missing, or where there are records of another run.
void check_benchmark(const BenchmarkSet& set, const std::vector<BenchPlace>& places,
                     const BenchOptions& options);

/// Asks what the records do not have yet, greedily; where there is nothing to ask, no model is
/// loaded. Rows that can't be asked become error rows, and
/// are asked again next time; rows whose reference is broken are left out of the score. Throws
/// InputError where the data are not there or records are of another run. Interrupted by
/// `progress`, it tells so.
BenchResult run_benchmark(const BenchmarkSet& set, const std::function<Model()>& load_model,
                          const std::string& model_name, const BenchOptions& options,
                          const ProgressCallback& progress);

}  // namespace owl3
