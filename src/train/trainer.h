// The loop of a training run: steps, checkpoints, validation, and a clean end.
//
// What can't be made again, the trained values, is saved before anything else that can fail: a due
// checkpoint before validation, the model before the last validation. What fails beside that is
// told, and is the program's exit code, but does not end the run.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runs/recipe.h"
#include "runs/run_output.h"
#include "runs/schedule.h"
#include "train/run_checkpoint.h"
#include "train/training_task.h"

namespace owl3::train {

struct TrainerOptions {
  bool resume = false;
  /// Whether someone asked the run to end; looked at after every step and during validation.
  std::function<bool()> interrupted = [] { return false; };
  RunLength length;  // as far as it is known
  /// The progress line's width; none where it goes to no terminal.
  std::function<int()> columns = {};
};

class Trainer {
 public:
  /// Opens the run folder (the first process does) and, to resume, reads its newest whole
  /// checkpoint. The task and the processes must outlive it.
  Trainer(const Recipe& recipe, TrainingTask& task, Processes& processes,
          const TrainerOptions& options);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains to the end and writes model/. Throws Interrupted, the last checkpoint written, when it
  /// was asked to stop; InputError, the last step saved, when the data can't be read; Error when
  /// the loss is no number for good, and at the end, the model written, when something else failed.
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
  /// What a step came to on this process.
  struct OwnStep {
    std::optional<StepSums> sums;  // nothing: the data have ended, or
    std::exception_ptr failure;
    bool interrupted = false;  // in the midst of it
  };

  void go_on();
  std::optional<StepResult> step();
  OwnStep own_step();
  void update(StepResult& result, double loss_scale);
  double learning_rate() const;
  /// How much of the run is done, 0 to 1.
  double progress() const;
  bool finished() const;
  int64_t expected_steps() const;
  void say_length();
  void show_encoding(int64_t done, int64_t total);

  [[noreturn]] void end_unreadable(const std::exception_ptr& failure);
  [[noreturn]] void end_interrupted();
  void count_broken(int64_t broken);

  void log(const StepResult& result);
  void validate_if_due(bool at_end);
  bool save();
  void save_model();
  /// Work that all processes do at once and that must not cost the run: whether all could.
  bool together(const std::string& what, const std::function<void()>& work);
  void finish();
  bool due(int64_t every) const { return every > 0 && state_.step % every == 0; }

  Recipe recipe_;
  TrainingTask* task_;
  Processes* processes_;
  TrainerOptions options_;
  LearningRateSchedule schedule_;
  FlatParameters parameters_;
  ShardedAdamW optimizer_;
  RunState state_;
  RunOutput output_;
  int64_t saved_step_ = -1;
  int64_t validated_step_ = -1;
  int64_t skipped_in_a_row_ = 0;
  bool stopped_ = false;        // somebody asked for the end
  bool told_encoding_ = false;  // that images take time when they are first met
};

}  // namespace owl3::train
