// Bounds what a schema may cost: counted steps rather than seconds, so that the same schema is
// refused on every machine, or on none.
#pragma once

#include <cstddef>

#include "core/error.h"

namespace owl3 {

class WorkBudget {
 public:
  explicit WorkBudget(size_t steps) : left_(steps) {}

  /// Throws InputError when the budget is spent.
  void spend(size_t steps) {
    if (steps > left_) {
      left_ = 0;
      throw InputError(
          "the answer's form is too intricate: its alternatives, patterns or lengths multiply to "
          "more cases than owl3 looks at; make it simpler");
    }
    left_ -= steps;
  }
  void refill(size_t steps) { left_ = steps; }

 private:
  size_t left_;
};

}  // namespace owl3
