// Where the pictures of a benchmark's questions are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/data_set.h"
#include "training_data/media_reader.h"

namespace owl3 {

class BenchMedia {
 public:
  /// `data` outlives it.
  BenchMedia(const BenchmarkSet& set, const BenchmarkData& data, std::filesystem::path folder)
      : set_name_(set.name), data_(data), folder_(std::move(folder)) {}

  /// The pictures of a prompt, as MediaReader takes them. A path is looked for in the benchmark's
  /// folder and in the data folder, and in `images` there, as the official evaluation has it and as
  /// the row has it, each whole and then without its first folders. Throws InputError where there
  /// is none.
  std::vector<std::string> references(const BenchmarkRow& row, const BenchmarkPrompt& prompt) const;

  /// The pictures' files: what `reader` reads of references, or what stands in the row's columns.
  /// Throws InputError where there is none.
  std::vector<MediaBytes> pictures(const BenchmarkRow& row, const BenchmarkPrompt& prompt,
                                   MediaReader& reader) const;

 private:
  std::string find(const std::string& official, const std::string& own) const;
  std::string from_table(size_t table_row) const;

  std::string set_name_;
  const BenchmarkData& data_;
  std::filesystem::path folder_;
};

}  // namespace owl3
