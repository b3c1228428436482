// What is trained, and on what: the trainer's loop knows no more of it than this.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runs/event_file.h"
#include "runs/run_length.h"
#include "train/distributed.h"
#include "train/parameter_groups.h"
#include "training_data/stream_check.h"

namespace owl3::train {

/// What this process did in a step; sums over all processes are the step's.
struct StepSums {
  double loss = 0;  // this process's part of the step's loss
  int64_t tokens = 0;
  int64_t images = 0;
  int64_t label_tokens = 0;         // of the whole step, by which the loss was divided
  int64_t lost_label_tokens = 0;    // of these, of this process's samples that were left out
  std::vector<std::string> broken;  // those samples, and why: lines for the user
  std::string warning;              // another line for the user; empty when there is none
};

/// What a step of minutes does meanwhile.
struct StepWatch {
  /// Whether somebody asked for the end: the step may throw Interrupted between its passes.
  std::function<bool()> interrupted = [] { return false; };
  /// Shows that images are encoded, `done` of `total` that a pass met for the first time.
  std::function<void(int64_t done, int64_t total)> encoding = [](int64_t, int64_t) {};
};

class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  void set_watch(StepWatch watch) { watch_ = std::move(watch); }
  /// All values of the model, frozen ones too.
  virtual int64_t model_values() const = 0;

  /// The tensors that are trained, the same on every process.
  virtual std::vector<NamedParameter> parameters() = 0;
  /// Reads this process's batches of a step and adds the gradients of their part of the loss.
  /// Nothing when the data have ended, on all processes alike. Takes no part in what processes tell
  /// each other: one may throw while the others go on, Interrupted too.
  virtual std::optional<StepSums> run_step(int64_t step) = 0;

  /// Passes over the data so far.
  virtual double epochs_read() const = 0;
  virtual int64_t samples_per_epoch() const = 0;
  /// Whether all epochs are over: run_step() would give nothing. Never where the recipe says steps.
  virtual bool data_ended() const = 0;
  /// From the first step on, whatever has been read. Large data are looked at in part, until
  /// `go_on`, which any thread may ask, is false. Throws InputError for data that can't be read.
  virtual RunLength length(const std::function<bool()>& go_on) const = 0;
  /// A line about data that were left out; empty when there are none.
  virtual std::string data_warning() const { return ""; }
  virtual nlohmann::json data_state() const = 0;
  virtual void restore_data(const nlohmann::json& state, const std::string& name) = 0;

  /// Rows read as the run will read them: those that are trained on, each once, or the
  /// validation's.
  virtual StreamCheckReport check_data(const StreamCheckOptions& options) const = 0;
  virtual StreamCheckReport check_validation(const StreamCheckOptions& options) const = 0;

  /// Metrics over the validation data: {"validation_loss", ...}; empty when there are none. Nothing
  /// when `interrupted` became true on any process. Throws on all processes when one could not go
  /// on, and leaves the task as it was.
  virtual std::optional<std::vector<Scalar>> validate(Processes& processes,
                                                      const std::function<bool()>& interrupted) = 0;

  /// Writes what was trained so far into a folder: what `owl3 chat` runs, or an adapter.
  virtual void save(const std::filesystem::path& folder) = 0;
  /// The same at the very end, when nothing is trained any more.
  virtual void save_final(const std::filesystem::path& folder) { save(folder); }
  /// What these write, about.
  virtual int64_t saved_bytes() = 0;
  virtual int64_t saved_final_bytes() { return saved_bytes(); }

 protected:
  StepWatch watch_;
};

/// A seed for the random numbers (dropout) of one batch of one step: a run that resumes, or has
/// other processes, draws the same.
uint64_t seed_of(uint64_t run_seed, int64_t step, int64_t batch);

}  // namespace owl3::train
