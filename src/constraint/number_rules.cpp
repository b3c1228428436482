#include "constraint/number_rules.h"

#include <algorithm>
#include <cstdlib>

#include "constraint/number_order.h"
#include "core/error.h"

namespace owl3 {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
int16_t digit_of(char c) {
  return static_cast<int16_t>(c - '0');
}

/// What stands where: in this order, so that they compare.
enum Part : int16_t { kSign, kWhole, kFraction, kExponent, kExponentDigits };

class ComparisonRule final : public NumberRule {
 public:
  ComparisonRule(Comparison comparison, const Decimal& bound)
      : comparison_(comparison), order_(bound) {}

  RuleState start() const override { return order_.start(); }
  RuleState next(const RuleState& state, char character) const override {
    if (settled(state)) return state;
    const RuleState next = order_.next(state, character);
    if (!order_.settled(next)) return next;
    return {kSettled, static_cast<int16_t>(order_.order(next))};
  }
  bool settled(const RuleState& state) const override { return state[0] == kSettled; }
  Verdict verdict(const RuleState& state) const override {
    const int order = settled(state) ? state[1] : order_.order(state);
    const bool holds = comparison_ == Comparison::kAtLeast ? order >= 0 : order <= 0;
    return holds ? Verdict::kYes : Verdict::kNo;
  }

 private:
  static constexpr int16_t kSettled = -1;  // in the place of a Part: the order is behind it

  Comparison comparison_;
  NumberOrder order_;
};

// By exponents as serialisers write them: those of at least 16 leave no digit of a double behind
// the point, those below 0 leave some; between these it is left open where there is a fraction.
class IntegerRule final : public NumberRule {
 public:
  explicit IntegerRule(IntegerTexts texts) : texts_(texts) {}

  // {part, fraction: none, up to 16 digits, or more, digits read of it, exponent negative,
  // exponent}
  RuleState start() const override { return {kWhole, 0, 0, 0, 0, 0}; }

  RuleState next(const RuleState& state, char character) const override {
    auto [part, fraction, read, negative, exponent, unused] = state;
    if (part >= kExponent) {
      if (character == '-') negative = 1;
      if (is_digit(character)) {
        part = kExponentDigits;
        exponent = read_on(exponent, digit_of(character));
      }
    } else if (character == '.') {
      part = kFraction;
    } else if (character == 'e' || character == 'E') {
      part = kExponent;
      read = 0;
    } else if (part == kFraction) {
      read = static_cast<int16_t>(std::min<int>(read + 1, kMost + 1));
      if (character != '0') fraction = read > kMost ? 2 : 1;
    }
    return {part, fraction, read, negative, exponent, unused};
  }

  Verdict verdict(const RuleState& state) const override {
    const Verdict verdict = verdict_of_value(state);
    const bool in_digits = state[0] == kWhole || texts_ == IntegerTexts::kAny;
    return verdict == Verdict::kYes && !in_digits ? Verdict::kUnknown : verdict;
  }

 private:
  Verdict verdict_of_value(const RuleState& state) const {
    const auto [part, fraction, read, negative, exponent, unused] = state;
    if (part < kExponent) return fraction == 0 ? Verdict::kYes : Verdict::kNo;
    if (negative != 0) return exponent == kZero10 ? Verdict::kUnknown : Verdict::kNo;
    if (fraction == 0 || (fraction == 1 && exponent == kFrom16)) return Verdict::kYes;
    return Verdict::kUnknown;
  }

  static constexpr int kMost = 16;
  // Exponents, as far as they matter.
  static constexpr int16_t kZero10 = 0;
  static constexpr int16_t kOne = 1;
  static constexpr int16_t kTo9 = 2;
  static constexpr int16_t kTo15 = 3;
  static constexpr int16_t kFrom16 = 4;

  static int16_t read_on(int16_t exponent, int16_t digit) {
    if (exponent == kZero10) return digit == 0 ? kZero10 : digit == 1 ? kOne : kTo9;
    if (exponent == kOne) return digit <= 5 ? kTo15 : kFrom16;
    return kFrom16;
  }

  IntegerTexts texts_;
};

constexpr int64_t kMostRemainders = 5000;

/// A divisor as factor * 10^zeros / 10^places.
struct Divisor {
  int64_t factor = 1;
  int zeros = 0;
  int places = 0;
};

Divisor divisor_of(const Decimal& decimal) {
  Divisor divisor;
  const auto digits = static_cast<int64_t>(decimal.digits.size());
  const auto too_long = [&] {
    return InputError(fmt::format(
        "multipleOf: {} has too many digits: owl3 counts by numbers of up to {} without the zeros "
        "at their end",
        decimal.text(), kMostRemainders));
  };
  if (digits > 6 || std::abs(decimal.exponent) > 18) throw too_long();
  divisor.factor = std::stoll(decimal.digits);
  divisor.zeros = static_cast<int>(std::max<int64_t>(0, decimal.exponent - digits));
  divisor.places = static_cast<int>(std::max<int64_t>(0, digits - decimal.exponent));
  if (divisor.factor > kMostRemainders) throw too_long();
  return divisor;
}

// A number is a multiple of f * 10^z / 10^p when, read as an integer with p digits behind its
// point, it ends with z zeros and what stands before these is 0 modulo f.
class MultipleRule final : public NumberRule {
 public:
  explicit MultipleRule(const Decimal& decimal) : divisor_(divisor_of(decimal)) {}

  // {part, remainder of what stands before the zeros, zeros at the end up to z, digits behind the
  // point, anything but 0 was read,
  //  not a multiple whatever follows}
  RuleState start() const override { return {}; }

  RuleState next(const RuleState& state, char character) const override {
    auto [part, remainder, zeros, places, nonzero, missed] = state;
    if (character == 'e' || character == 'E') part = kExponent;
    if (part == kExponent) return {part, 0, 0, 0, 0, 0};
    if (character == '.') {
      part = kFraction;
    } else if (is_digit(character)) {
      if (part == kFraction && places == divisor_.places) {
        if (character != '0') missed = 1;
        return {part, 0, 0, places, 0, missed};
      }
      if (character != '0') nonzero = 1;
      if (part == kFraction) ++places;
      follow(remainder, zeros, character);
    }
    if (part == kFraction && places == divisor_.places) {  // zeros at most may follow
      if (nonzero != 0 && (remainder != 0 || zeros != divisor_.zeros)) missed = 1;
      return {part, 0, 0, places, 0, missed};
    }
    return {part, remainder, zeros, places, nonzero, missed};
  }

  Verdict verdict(const RuleState& state) const override {
    auto [part, remainder, zeros, places, nonzero, missed] = state;
    if (part == kExponent) return Verdict::kUnknown;
    if (missed != 0) return Verdict::kNo;
    if (nonzero == 0) return Verdict::kYes;
    for (; places < divisor_.places; ++places) follow(remainder, zeros, '0');
    return remainder == 0 && zeros == divisor_.zeros ? Verdict::kYes : Verdict::kNo;
  }

 private:
  void follow(int16_t& remainder, int16_t& zeros, char digit) const {
    if (digit == '0' && zeros < divisor_.zeros) {
      ++zeros;
      return;
    }
    int64_t value = remainder;
    if (digit != '0') {  // the zeros are among what stands before
      for (; zeros > 0; --zeros) value = value * 10 % divisor_.factor;
    }
    remainder = static_cast<int16_t>((value * 10 + digit_of(digit)) % divisor_.factor);
  }

  Divisor divisor_;
};

}  // namespace

std::unique_ptr<NumberRule> make_comparison(Comparison comparison, const Decimal& bound) {
  return std::make_unique<ComparisonRule>(comparison, bound);
}

std::unique_ptr<NumberRule> make_integer_rule(IntegerTexts texts) {
  return std::make_unique<IntegerRule>(texts);
}

std::unique_ptr<NumberRule> make_multiple_rule(const Decimal& divisor) {
  return std::make_unique<MultipleRule>(divisor);
}

namespace {

// Where NumberForm is; its state is {place, digits (in runs 2 are many), one digit, zero at the
// end, leading digits are below 1.7, what the exponent's digits allow}.
enum Place : int16_t {
  kBegin,
  kMinus,
  kZero,
  kDigits,
  kPoint,
  kPlaces,
  kE,
  kESign,
  kEDigits,
};
}  // namespace

// Up to 307, and 308 where the digits before it are below 1.7: every such number is a double. Of
// the first digits only what they allow behind them is kept.
RuleState NumberForm::next_in_exponent(const RuleState& state, char character) const {
  auto [place, digits, negative, zero, small, limit] = state;
  if (!is_digit(character)) return kBroken;
  const int16_t digit = digit_of(character);
  constexpr int16_t kAny = 0;     // a third digit may be anything
  constexpr int16_t kThree = 1;   // only behind "30"
  constexpr int16_t kNone = 2;    // there is no third digit
  constexpr int16_t kThirty = 3;  // up to 7, or 8
  if (digits == 0) {
    limit = digit < 3 ? kAny : digit == 3 ? kThree : kNone;
  } else if (digits == 1) {
    if (limit == kThree) limit = digit == 0 ? kThirty : kNone;
  } else if (digits == 2) {
    const int16_t most = small != 0 && negative == 0 ? 8 : 7;
    if (limit == kNone || (limit == kThirty && digit > most)) return kBroken;
  } else {
    return kBroken;
  }
  return {kEDigits, static_cast<int16_t>(digits + 1), negative, zero, small, limit};
}

RuleState NumberForm::next(const RuleState& state, char character) const {
  auto [place, digits, single, last_zero, small, exponent] = state;
  switch (place) {
    case kBegin:
      if (character == '-') return {kMinus};
      [[fallthrough]];
    case kMinus:
      if (character == '0') return {kZero};
      if (is_digit(character)) return {kDigits, 1, 1, 0, int16_t{character == '1'}, 0};
      return kBroken;
    case kZero:
      return character == '.' ? RuleState{kPoint} : kBroken;
    case kDigits:
      if (is_digit(character)) return {kDigits, 2, 0, 0, 0, 0};
      if (character == '.') return {kPoint, 0, single, 0, small, 0};
      if ((character == 'e' || character == 'E') && single != 0) return {kE, 0, 0, 0, small, 0};
      return kBroken;
    case kPoint:
      if (!is_digit(character)) return kBroken;
      return {
          kPlaces, 1, single, int16_t{character == '0'}, int16_t{small != 0 && character <= '6'},
          0};
    case kPlaces:
      if (is_digit(character)) return {kPlaces, 2, single, int16_t{character == '0'}, small, 0};
      if ((character == 'e' || character == 'E') && single != 0 && complete(state)) {
        return {kE, 0, 0, 0, small, 0};
      }
      return kBroken;
    case kE:
      if (character == '+' || character == '-') {
        return {kESign, 0, int16_t{character == '-'}, 0, small, 0};
      }
      [[fallthrough]];
    case kESign:
    case kEDigits:
      return next_in_exponent(state, character);
    default:
      return kBroken;
  }
}

NumberForm::Run NumberForm::run(const RuleState& state) const {
  return state[0] == kDigits ? Run::kWhole : state[0] == kPlaces ? Run::kFraction : Run::kNone;
}

bool NumberForm::complete(const RuleState& state) const {
  switch (state[0]) {
    case kZero:
    case kDigits:
    case kEDigits:
      return true;
    case kPlaces:
      return state[3] == 0 || state[1] == 1;
    default:
      return false;
  }
}

}  // namespace owl3
