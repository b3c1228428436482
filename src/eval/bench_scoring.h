// A run's replies as the official code scores them, without the rows whose own data are broken.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/data_set.h"
#include "benchmarks/task.h"
#include "eval/bench_records.h"

namespace owl3 {

class BenchScorer {
 public:
  /// All outlive it. Of `rows` those count that have a line.
  BenchScorer(const BenchmarkTask& task, const BenchmarkData& data, const BenchLines& lines,
              const std::vector<int64_t>& rows);

  /// The rows that are scored, or handed in, in order.
  std::vector<int64_t> scored() const;
  /// The others, and what is wrong with the data of each: a row that has no record, or that the
  /// metrics of no set could take.
  const std::map<int64_t, std::string>& left_out() const { return left_out_; }

  // Of the rows that are scored. All throw InputError.

  std::vector<nlohmann::ordered_json> records(Compatibility mode) const;
  BenchmarkMetrics metrics(Compatibility mode) const;
  /// What is handed in is the official file in every mode.
  Submission submission() const;

  /// The answer that most annotators gave to a record's question, or a list where several are as
  /// frequent; null where there are no annotators.
  nlohmann::ordered_json annotators_answer(const nlohmann::ordered_json& record) const;

 private:
  struct Candidate {
    int64_t row = 0;
    nlohmann::ordered_json record;  // of the intended mode
  };

  nlohmann::ordered_json record(int64_t row, Compatibility mode) const;
  BenchmarkTruth truth_of(const std::vector<nlohmann::ordered_json>& records) const;
  void try_out(std::span<const Candidate> part) const;
  void find_broken(std::span<const Candidate> part);

  const BenchmarkTask& task_;
  const BenchmarkData& data_;
  const BenchLines& lines_;
  std::vector<Candidate> candidates_;
  std::map<int64_t, std::string> left_out_;
};

}  // namespace owl3
