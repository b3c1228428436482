// A number that is being read, digit by digit, against one that is known: less, equal or more.
#pragma once

#include <string>

#include "constraint/decimal.h"
#include "constraint/number_rules.h"

namespace owl3 {

class NumberOrder {
 public:
  explicit NumberOrder(const Decimal& bound);

  RuleState start() const;
  RuleState next(const RuleState& state, char character) const;
  /// Of what was read, were it all: negative, 0 or positive.
  int order(const RuleState& state) const;
  /// Whether the order stays what it is, whatever follows; false where that isn't known.
  bool settled(const RuleState& state) const;
  /// Whether it may be equal, now or behind more characters; true where that isn't known.
  bool may_be_equal(const RuleState& state) const;

 private:
  int16_t follow_significant(int16_t read, char character) const;
  int order_of_significant(int16_t read) const;
  int order_of_whole(int16_t count, int16_t order) const;
  int order_of_magnitude(const RuleState& state) const;

  bool negative_;
  std::string whole_;
  std::string fraction_;
  std::string digits_;
  int64_t exponent_;  // with one digit before the point
};

}  // namespace owl3
