#include "constraint/number_order.h"

#include <algorithm>
#include <cstdlib>

// By digits: those before the point are as many or not, the first that differs decides. With an
// exponent the number has one digit before its point: then the exponents decide first.

namespace owl3 {

namespace {

/// What stands where: in this order, so that they compare.
enum Part : int16_t { kSign, kWhole, kFraction, kExponent, kExponentDigits };

constexpr int16_t kUndecided = 0;  // and so many significant digits read
constexpr int16_t kMore = 1000;    // decided: more, or less
constexpr int16_t kLess = 1001;
constexpr int16_t kIrrelevant = 1002;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// An exponent being read: value, up to a cap beyond which it doesn't matter.
int16_t read_on(int16_t value, char digit, int64_t cap) {
  return static_cast<int16_t>(std::min<int64_t>(value * 10 + (digit - '0'), cap));
}

int16_t sign_of(int difference) {
  return static_cast<int16_t>(difference > 0 ? 1 : difference < 0 ? -1 : 0);
}

char at(const std::string& digits, int16_t place) {
  const auto index = static_cast<size_t>(place);
  return index < digits.size() ? digits[index] : '0';
}

}  // namespace

NumberOrder::NumberOrder(const Decimal& bound)
    : negative_(bound.negative),
      whole_(bound.whole()),
      fraction_(bound.fraction()),
      digits_(bound.digits),
      exponent_(bound.exponent - 1) {}

// {part, negative | exponent negative << 1, digits before the point, first difference there or
//  in the fraction, digits of the fraction while there is none / exponent, order of significant
//  digits * 512 + how many were read}
RuleState NumberOrder::start() const {
  return {kSign, 0, 0, 0, 0, kUndecided};
}

RuleState NumberOrder::next(const RuleState& state, char character) const {
  auto [part, signs, count, order, more, significant] = state;
  if (part >= kExponent) {
    if (character == '-') signs |= 2;
    if (is_digit(character)) {
      part = kExponentDigits;
      more = read_on(more, character, std::abs(exponent_) + 1);
    }
    return {part, signs, 0, 0, more, significant};
  }
  if (character == '-') return {kWhole, 1, 0, 0, 0, significant};
  if (character == '.') {
    const auto whole_order = static_cast<int16_t>(order_of_whole(count, order));
    return {kFraction, signs, 0, whole_order, 0, significant};
  }
  if (character == 'e' || character == 'E') {
    return {kExponent, signs, 0, 0, 0, static_cast<int16_t>(order_of_significant(significant))};
  }
  // An exponent follows a single digit before the point, and no 0.
  const bool more_digits = part != kFraction && significant != kUndecided;
  significant = more_digits || (part != kFraction && character == '0')
                    ? kIrrelevant
                    : follow_significant(significant, character);
  if (part == kFraction) {
    if (order == 0) {
      const char other = at(fraction_, more);
      order = sign_of(character - other);
      more = order != 0 || static_cast<size_t>(more) >= fraction_.size()
                 ? static_cast<int16_t>(order != 0 ? 0 : more)
                 : static_cast<int16_t>(more + 1);
    }
    return {part, signs, 0, order, more, significant};
  }
  // A digit before the point.
  if (count == 0 && character == '0') return {kWhole, signs, 0, 0, 0, significant};
  if (static_cast<size_t>(count) < whole_.size()) {
    if (order == 0) order = sign_of(character - whole_[static_cast<size_t>(count)]);
    ++count;
  } else {
    count = static_cast<int16_t>(whole_.size() + 1);
    order = 0;
  }
  return {kWhole, signs, count, order, 0, significant};
}

int16_t NumberOrder::follow_significant(int16_t read, char character) const {
  if (read >= kMore) return read;
  const int16_t order = sign_of(character - at(digits_, read));
  if (order != 0) return order > 0 ? kMore : kLess;
  return static_cast<size_t>(read) < digits_.size() ? static_cast<int16_t>(read + 1) : read;
}
int NumberOrder::order_of_significant(int16_t read) const {
  if (read == kMore) return 1;
  if (read == kLess) return -1;
  return static_cast<size_t>(read) < digits_.size() ? -1 : 0;
}
int NumberOrder::order_of_whole(int16_t count, int16_t order) const {
  const auto read = static_cast<size_t>(count);
  if (read != whole_.size()) return read < whole_.size() ? -1 : 1;
  return order;
}

/// |x| against |bound|.
int NumberOrder::order_of_magnitude(const RuleState& state) const {
  const auto [part, signs, count, order, more, significant] = state;
  if (part == kExponentDigits) {
    if (digits_.empty()) return 1;
    const int64_t exponent = (signs & 2) != 0 ? -more : more;
    if (exponent != exponent_) return exponent < exponent_ ? -1 : 1;
    return significant;
  }
  if (part == kFraction) {
    if (order != 0) return order;
    return static_cast<size_t>(more) < fraction_.size() ? -1 : 0;
  }
  const int of_whole = order_of_whole(count, order);
  return of_whole != 0 || fraction_.empty() ? of_whole : -1;
}

int NumberOrder::order(const RuleState& state) const {
  const int order = order_of_magnitude(state);
  const bool negative = (state[1] & 1) != 0;
  if (digits_.empty()) return order == 0 ? 0 : negative ? -1 : 1;  // against 0
  if (negative != negative_) return negative ? -1 : 1;  // -0 is above any negative bound, too
  return negative ? -order : order;
}

bool NumberOrder::settled(const RuleState& state) const {
  const auto [part, signs, count, order, more, significant] = state;
  if (part == kSign) return false;
  if (!digits_.empty() && ((signs & 1) != 0) != negative_) return true;
  if (digits_.empty()) return part == kWhole ? count > 0 : part == kFraction && order != 0;
  const bool may_have_exponent = part >= kExponent || significant != kIrrelevant;
  if (may_have_exponent) return false;
  return part == kFraction ? order != 0 : static_cast<size_t>(count) > whole_.size();
}

bool NumberOrder::may_be_equal(const RuleState& state) const {
  const auto [part, signs, count, order, more, significant] = state;
  if (part == kSign) return true;
  if (!digits_.empty() && ((signs & 1) != 0) != negative_) return false;
  if (part >= kExponent) {
    return !digits_.empty() && significant == 0 && more <= std::abs(exponent_);
  }
  const bool with_exponent = significant < kMore;
  if (part == kFraction) return with_exponent || order == 0;
  return with_exponent || (order == 0 && static_cast<size_t>(count) <= whole_.size());
}

}  // namespace owl3
