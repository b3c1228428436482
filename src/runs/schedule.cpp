#include "runs/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace owl3 {

LearningRateSchedule::LearningRateSchedule(const LearningRateRecipe& recipe, int64_t total_steps)
    : recipe_(recipe), total_steps_(total_steps), warmup_steps_(recipe.warmup_steps) {
  if (warmup_steps_ < 0) {
    warmup_steps_ =
        static_cast<int64_t>(std::ceil(recipe.warmup_ratio * static_cast<double>(total_steps)));
  }
}

double LearningRateSchedule::at(int64_t step) const {
  if (step < warmup_steps_) {
    return recipe_.max * static_cast<double>(step + 1) / static_cast<double>(warmup_steps_);
  }
  // Steps after the warm-up's last, of those that there are.
  const int64_t first = std::max<int64_t>(0, warmup_steps_ - 1);
  const auto all = static_cast<double>(total_steps_ - 1 - first);
  return after_warmup(all > 0 ? static_cast<double>(step - first) / all : 1.0);
}

double LearningRateSchedule::at_progress(int64_t step, double progress) const {
  if (recipe_.warmup_steps >= 0) {
    return step < warmup_steps_ ? at(step) : after_warmup(progress);
  }
  const double warmup = recipe_.warmup_ratio;
  if (progress >= warmup) return after_warmup(warmup < 1 ? (progress - warmup) / (1 - warmup) : 1);
  // As if the first step had been done: a rate of 0 would waste it.
  const double per_step = step > 0 ? progress / static_cast<double>(step) : warmup / 10;
  return recipe_.max * std::min(1.0, (progress + per_step) / warmup);
}

double LearningRateSchedule::after_warmup(double part) const {
  if (recipe_.schedule == LearningRateRecipe::Schedule::kConstant) return recipe_.max;
  const double cosine = std::cos(std::numbers::pi * std::clamp(part, 0.0, 1.0));
  return recipe_.min + (recipe_.max - recipe_.min) * 0.5 * (1 + cosine);
}

}  // namespace owl3
