// The files of a benchmark, as its authors publish them or as the official evaluation has them,
// read into the rows that its task asks.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/column_pictures.h"
#include "benchmarks/task.h"

namespace owl3 {

struct BenchmarkRow {
  nlohmann::ordered_json row;
  RowPlace place;
  std::string where;                            // "file.jsonl:17"
  std::optional<size_t> table_row;              // whose picture stands in that row of the table
  std::vector<ColumnPictures::Place> pictures;  // those of its prompt, where they are in columns
  std::string film;                             // where its authors have it, if a file says that
  std::string error;                            // why it can't be asked; empty: it can
};

struct BenchmarkData {
  std::vector<BenchmarkRow> rows;
  BenchmarkTruth truth;
  std::shared_ptr<ColumnPictures> pictures;  // where there are some in columns
};

/// Files that have a benchmark together.
struct BenchmarkSource {
  /// Names, in the data folder, in the benchmark's folder in it, or in the folder `json` of either.
  /// One with a star stands for all files of a split, which stand in its place.
  std::vector<std::string> files;
  BenchmarkData (*read)(const std::vector<std::filesystem::path>& files);
};

struct BenchmarkSet {
  std::string name;                       // as the official evaluation calls it
  std::string task;                       // its official class
  std::string title;                      // as its authors call it, and where it is found
  bool cut = false;                       // images are cut into tiles
  std::vector<BenchmarkSource> sources;   // the first whose files are there is taken
  std::optional<TaskSettings> planned{};  // what a plan sets, in place of the set's own

  TaskSettings settings() const;
  std::unique_ptr<BenchmarkTask> make_task() const;
};

/// {"cut": true, ...}: whether images are cut, and what else is not the official classes' default.
nlohmann::ordered_json settings_json(const TaskSettings& settings);

/// Those that are asked of a model, in the order of the official plan.
const std::vector<BenchmarkSet>& benchmark_sets();
/// Throws UsageError where there is none of that name.
const BenchmarkSet& find_benchmark_set(const std::string& name);

/// "a.jsonl with b.tsv, or c.json"; of many files that belong together the first and the last.
std::string expected_files(const BenchmarkSet& set);

/// Throws InputError that names the benchmark and what is expected where, or what is wrong with a
/// file. What is wrong with a row is told by the row.
BenchmarkData read_benchmark(const BenchmarkSet& set, const std::filesystem::path& folder);

}  // namespace owl3
