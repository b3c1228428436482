// Where the pictures and films of a benchmark's questions are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
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
  /// folder and in the data folder, and in `images`, `videos`, `video` and `data` there, as the
  /// official evaluation has it and as the row has it, each whole and then without its first
  /// folders. Throws InputError where there is none.
  std::vector<std::string> references(const BenchmarkRow& row, const BenchmarkPrompt& prompt) const;

  /// The pictures' files: what `reader` reads of references, or what stands in the row's columns.
  /// Throws InputError where there is none.
  std::vector<MediaBytes> pictures(const BenchmarkRow& row, const BenchmarkPrompt& prompt,
                                   MediaReader& reader) const;

  /// The film of a prompt, looked for in the same places, with other endings of films too. Throws
  /// InputError where there is none.
  std::filesystem::path film(const BenchmarkRow& row, const PromptClip& clip) const;

  /// How many files a folder of stills has, by its official name; nothing where there is none.
  std::optional<int64_t> files_in(const std::string& folder) const;

 private:
  std::vector<std::filesystem::path> roots() const;
  std::string find(const std::string& official, const std::string& own) const;
  std::string from_table(size_t table_row) const;

  std::string set_name_;
  const BenchmarkData& data_;
  std::filesystem::path folder_;
};

}  // namespace owl3
