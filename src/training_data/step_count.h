// How many steps some data make: counted before a run begins.
#pragma once

#include <cstdint>
#include <functional>

namespace owl3 {

struct StepCountOptions {
  int64_t most_samples = 4000;  // looked at
  int64_t most_steps = 0;       // counted; 0: to the data's end
  /// Asked before each sample, from any thread; false ends the count.
  std::function<bool()> go_on = [] { return true; };
};

struct StepCount {
  int64_t steps = 0;
  int64_t samples = 0;  // that went into them, or were skipped
  bool whole = false;   // to the data's end, or as many steps as were asked for
};

}  // namespace owl3
