// The folder of a run: checkpoints that appear whole or not at all, and which is the newest.
//
//   recipe.yaml  metrics.jsonl  events.out.tfevents.*  checkpoint-STEP/  last  model/
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/atomic_folder.h"

namespace owl3 {

class RunFolder {
 public:
  /// Opens or makes the folder, and holds it: a second process that opens it gets an InputError.
  /// Leftovers of a killed process are removed. Without `resume`, a folder that holds a model
  /// already, or a run that did a step, is refused.
  RunFolder(const std::filesystem::path& path, bool resume);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path metrics_path() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path recipe_path() const { return path_ / "recipe.yaml"; }
  std::filesystem::path model_path() const { return path_ / "model"; }
  std::filesystem::path checkpoint_path(int64_t step) const;

  /// Steps of all checkpoints, rising; the newest is not only what the file `last` names, which is
  /// there for people and scripts.
  std::vector<int64_t> checkpoint_steps() const;

  /// Fill it, commit it, then call name_newest().
  AtomicFolder begin_checkpoint(int64_t step) const;
  /// Removes the oldest checkpoints but `keep` (0: none is removed), then points `last` at this.
  void name_newest(int64_t step, int64_t keep) const;

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

/// Steps of all checkpoints in a run's folder that someone else may hold, rising; none where there
/// is no folder.
std::vector<int64_t> checkpoint_steps_in(const std::filesystem::path& run);

/// Whether a folder is there and can be written, or can be made, as far as can be told without
/// doing it. Throws InputError.
void check_can_be_made(const std::filesystem::path& path);

/// What would be refused if the folder were opened now, without making or changing anything: it
/// can't be made or written, or holds a model or a run that did a step (unless `resume`). Throws
/// InputError.
void check_run_folder(const std::filesystem::path& path, bool resume);

}  // namespace owl3
