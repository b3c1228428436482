// How long a run is, in steps and in epochs, and whether that is long enough.
#pragma once

#include <cstdint>
#include <string>

#include "runs/recipe.h"

namespace owl3 {

struct RunLength {
  int64_t samples = 0;  // of an epoch
  int64_t steps = 0;    // 0: not known
  double epochs = 0;    // 0: not known
  bool exact = false;   // what the recipe doesn't say was counted to the end, not estimated
};

/// The recipe says steps or epochs; the other follows from `counted_steps` that took
/// `counted_samples` of the data, which is the whole run when `whole`.
RunLength run_length(const Recipe& recipe, int64_t samples_per_epoch, int64_t counted_steps,
                     int64_t counted_samples, bool whole);

/// "3 epochs, 1 step", "120 steps, about 12.5 epochs"
std::string length_text(const Recipe& recipe, const RunLength& length);

/// A line for a run that is too short to teach anything; empty when it is not, or its length is not
/// known.
std::string short_run_warning(const Recipe& recipe, const RunLength& length);

}  // namespace owl3
