// Questions that lead to each other, answered with "no" unless a finite chain of reasons says
// "yes".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "constraint/work_budget.h"

namespace owl3 {

/// What is asked: whether a value exists, whether an array or object can be completed.
struct Question {
  enum Kind : uint8_t { kValue, kArray, kObject };
  Kind kind = kValue;
  uint32_t number = 0;
  auto operator<=>(const Question&) const = default;
};

/// Depth first. A question that is being asked counts as "no" where it comes up again; a "no" that
/// relied on that is forgotten, unless it relied on itself alone.
class LeastFixedPoint {
 public:
  template <typename Answer>
  bool decide(const Question& question, WorkBudget& budget, const Answer& answer) {
    Known& known = known_[question];
    if (known.state == State::kYes) return true;
    if (known.state == State::kNo) return false;
    budget.spend(4);
    if (known.state == State::kAsked) {
      if (known.depth < relied_on_) relied_on_ = known.depth;
      return false;
    }
    constexpr size_t kMaxDepth = 1000;
    if (depth_ > kMaxDepth) {
      throw InputError(
          "the schema is nested more than 1000 deep, or asks for more than 1000 items of a kind "
          "(minContains)");
    }
    known = {State::kAsked, depth_};
    const size_t before = relied_on_;
    relied_on_ = SIZE_MAX;
    ++depth_;
    bool yes = false;
    try {
      yes = answer();
    } catch (...) {
      --depth_;
      known.state = State::kUnknown;
      relied_on_ = before;
      throw;
    }
    --depth_;
    const bool alone = relied_on_ >= depth_;
    known.state = yes ? State::kYes : alone ? State::kNo : State::kUnknown;
    const size_t relied = yes || alone ? SIZE_MAX : relied_on_;
    relied_on_ = before < relied ? before : relied;
    return yes;
  }

 private:
  enum class State : uint8_t { kUnknown, kAsked, kNo, kYes };
  struct Known {
    State state = State::kUnknown;
    size_t depth = 0;
  };

  std::map<Question, Known> known_;
  size_t depth_ = 0;
  size_t relied_on_ = SIZE_MAX;  // the least depth of what counted as "no"
};

}  // namespace owl3
