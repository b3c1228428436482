// The learning rate over the steps of a run: linear warm-up, then a cosine or a constant.
#pragma once

#include <cstdint>

namespace owl3 {

/// The keys `learning_rate` and `schedule` of a recipe.
struct LearningRateRecipe {
  enum class Schedule { kCosine, kConstant };

  double max = 1e-4;
  double min = 0;
  double warmup_ratio = 0.03;  // of all steps,
  int64_t warmup_steps = -1;   // or their number when it is given
  Schedule schedule = Schedule::kCosine;
};

class LearningRateSchedule {
 public:
  /// `total_steps` 0: not known, only at_progress() may be asked.
  LearningRateSchedule(const LearningRateRecipe& recipe, int64_t total_steps);

  /// The rate of step `step`, counted from 0: the warm-up rises to max at its last step, the cosine
  /// falls to min at the last step of all.
  double at(int64_t step) const;
  /// The same where the number of steps is not known beforehand (a run of epochs, whose rows are
  /// packed): `progress` is the part of the run, 0 to 1, that is done before the step.
  double at_progress(int64_t step, double progress) const;
  int64_t warmup_steps() const { return warmup_steps_; }

 private:
  double after_warmup(double part) const;

  LearningRateRecipe recipe_;
  int64_t total_steps_;
  int64_t warmup_steps_;
};

}  // namespace owl3
