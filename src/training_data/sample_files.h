// The files of a training run, as one sequence of samples.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "training_data/row_file.h"
#include "training_data/sample.h"
#include "training_data/sample_order.h"
#include "training_data/unchanged_file.h"

namespace owl3 {

struct DataSource {
  std::filesystem::path path;
  double weight = 1;  // how many times a row is seen in an epoch; 0.5: every other epoch
  /// What media paths are relative to; empty: the folder of `path`.
  std::filesystem::path media_root = {};
};

struct OrderOptions {
  bool shuffle = true;
  uint64_t seed = 0;
  int64_t epochs = 0;  // 0: without end
};

/// Immutable, as the files must be; safe to use from several threads.
class SampleFiles {
 public:
  /// Passes once over each file. Throws InputError and UsageError.
  SampleFiles(std::vector<DataSource> sources, const OrderOptions& order,
              const SampleOptions& options);

  /// The number of samples in all epochs; nothing when there is no end.
  std::optional<int64_t> size() const;
  int64_t samples_per_epoch() const { return order_.samples_per_epoch(); }
  /// The sample of that number, parsed, its media resolved. Throws InputError that names the line,
  /// and Error where the file was written over.
  Sample read(int64_t number) const;
  /// "file.jsonl:17"
  std::string where(int64_t number) const;
  /// What the sequence depends on, to compare with a saved state's: the files' contents too. Reads
  /// them the first time.
  nlohmann::json description() const;

 private:
  std::vector<DataSource> sources_;
  std::vector<RowFile> files_;
  std::vector<UnchangedFile> unchanged_;  // the same files
  OrderOptions order_options_;
  SampleOptions sample_options_;
  SampleOrder order_;
  mutable std::once_flag summed_;
  mutable std::vector<std::string> content_sums_;  // of each file
};

}  // namespace owl3
