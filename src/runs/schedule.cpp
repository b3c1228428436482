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
  if (recipe_.schedule == LearningRateRecipe::Schedule::kConstant) return recipe_.max;
  // Steps after the warm-up's last, of those that there are.
  const double done = static_cast<double>(step - std::max<int64_t>(0, warmup_steps_ - 1));
  const double all =
      static_cast<double>(total_steps_ - 1 - std::max<int64_t>(0, warmup_steps_ - 1));
  const double progress = all > 0 ? std::clamp(done / all, 0.0, 1.0) : 1.0;
  return recipe_.min +
         (recipe_.max - recipe_.min) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

}  // namespace owl3
