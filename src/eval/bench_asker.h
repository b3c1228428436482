// Rows of a benchmark, asked of a model.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "benchmarks/data_set.h"
#include "benchmarks/task.h"
#include "eval/bench_films.h"
#include "eval/bench_media.h"
#include "owl3/owl3.h"
#include "training_data/media_reader.h"

namespace owl3 {

/// Asks one row after the other; pictures of the row before are still known.
class BenchAsker {
 public:
  /// All outlive it.
  BenchAsker(const Model& model, const BenchmarkTask& task, const BenchMedia& media,
             Compatibility mode, int64_t max_new_tokens, const ProgressCallback& progress);

  /// The line of the records, with `row` still to be filled in. Throws Interrupted.
  nlohmann::ordered_json ask(const BenchmarkRow& row);

 private:
  std::vector<Medium> pictures_of(const BenchmarkRow& row, const BenchmarkPrompt& prompt,
                                  nlohmann::ordered_json& line);
  std::vector<Medium> encoded(const std::vector<MediaBytes>& files);
  Answer answer_to(const std::string& question, const std::vector<Medium>& pictures);

  const Model& model_;
  const BenchmarkTask& task_;
  const BenchMedia& media_;
  const ProgressCallback& progress_;
  MediaReader reader_;
  VisualMemory memory_;
  BenchFilms films_;
  GenerationOptions generation_;
};

}  // namespace owl3
