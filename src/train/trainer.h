// The loop of a training run: steps, metrics, validation, checkpoints, and a clean end.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "runs/event_file.h"
#include "runs/metrics.h"
#include "runs/recipe.h"
#include "runs/run_folder.h"
#include "runs/schedule.h"
#include "runs/training_progress.h"
#include "train/run_checkpoint.h"
#include "train/training_task.h"

namespace owl3::train {

struct TrainerOptions {
  bool resume = false;
  /// Whether someone asked the run to end; looked at after every step.
  std::function<bool()> interrupted = [] { return false; };
  /// The progress line's width; none where it goes to no terminal.
  std::function<int()> columns = {};
};

class Trainer {
 public:
  /// Opens the run folder (the first process does) and, to resume, reads its last checkpoint. The
  /// task and the processes must outlive it.
  Trainer(const Recipe& recipe, TrainingTask& task, Processes& processes,
          const TrainerOptions& options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains to the end and writes model/. Throws Interrupted, the last checkpoint written, when it
  /// was asked to stop; Error when the loss is no number for good.
  void run();

 private:
  /// A step's numbers, summed over all processes.
  struct StepResult {
    double loss = 0;
    double tokens = 0;
    double images = 0;
    double gradient_norm = 0;
    double learning_rate = 0;
    bool interrupted = false;
  };
  class Output;

  std::optional<StepResult> step();
  StepResult summed(const StepSums& sums);
  void update(StepResult& result);
  double learning_rate() const;
  /// How much of the run is done, 0 to 1.
  double progress() const;
  bool finished() const;
  int64_t expected_steps() const;

  void log(const StepResult& result);
  void validate_if_due(bool at_end);
  void save();
  void save_model();
  bool due(int64_t every) const { return every > 0 && state_.step % every == 0; }

  Recipe recipe_;
  TrainingTask* task_;
  Processes* processes_;
  TrainerOptions options_;
  LearningRateSchedule schedule_;
  FlatParameters parameters_;
  ShardedAdamW optimizer_;
  RunState state_;
  std::unique_ptr<Output> output_;
  int64_t saved_step_ = -1;
  int64_t validated_step_ = -1;
  int64_t skipped_in_a_row_ = 0;
};

}  // namespace owl3::train
