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

  /// A number whose verdict is unknown is not accepted.
  NumberAutomaton(const std::vector<const NumberRule*>& rules, const Decision& decide,
                  WorkBudget& budget);

  bool empty() const { return start_ == kDead; }
  uint32_t start() const { return start_; }
  /// kDead where no accepted number goes on so. A state is a row of the table and how many digits
  /// of a run were written, so that these don't multiply the table.
  uint32_t next(uint32_t state, unsigned char byte) const;
  bool accepts(uint32_t state) const { return accepting_[state >> kDigitBits]; }

 private:
  static constexpr uint32_t kDigitBits = 6;

  void find_least_digits();
  bool in_one_run(uint32_t row, uint32_t next) const;

  uint32_t start_ = 0;
  std::vector<uint32_t> next_;  // rows x kNumberCharacters: a row, or kDead
  std::vector<bool> accepting_;
  std::vector<NumberForm::Run> runs_;
  std::vector<uint8_t> least_digits_;  // of its run, that an accepted number still needs
};

}  // namespace owl3
