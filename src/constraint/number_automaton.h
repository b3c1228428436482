// All that a formula says of numbers, as one table over the characters of their text.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "constraint/number_rules.h"
#include "constraint/work_budget.h"

namespace owl3 {

class NumberAutomaton {
 public:
  static constexpr uint32_t kDead = UINT32_MAX;
  /// Decides on the rules' verdicts.
  using Decision = std::function<Verdict(const std::vector<Verdict>& verdicts)>;

  /// A number whose verdict is unknown is not accepted. `counted` as in NumberForm.
  NumberAutomaton(const std::vector<const NumberRule*>& rules, const Decision& decide, bool counted,
                  WorkBudget& budget);

  bool empty() const { return start_ == kDead; }
  uint32_t start() const { return start_; }
  /// kDead where no accepted number goes on so.
  uint32_t next(uint32_t state, unsigned char byte) const;
  bool accepts(uint32_t state) const { return accepting_[state]; }

 private:
  void make_dead();

  uint32_t start_ = 0;
  std::vector<uint32_t> next_;  // states x kNumberCharacters
  std::vector<bool> accepting_;
};

}  // namespace owl3
