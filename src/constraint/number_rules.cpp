#include "constraint/number_rules.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

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

/// An exponent being read: value, up to a cap beyond which it doesn't matter.
int16_t read_on(int16_t value, char digit, int64_t cap) {
  return static_cast<int16_t>(std::min<int64_t>(value * 10 + digit_of(digit), cap));
}

// x ? bound, by digits: those before the point are as many or not, the first that differs decides.
// With an exponent the number has one digit before its point: then the exponents decide first.
class ComparisonRule final : public NumberRule {
 public:
  ComparisonRule(Comparison comparison, const Decimal& bound)
      : comparison_(comparison),
        negative_(bound.negative),
        whole_(bound.whole()),
        fraction_(bound.fraction()),
        digits_(bound.digits),
        exponent_(bound.exponent - 1) {}

  // {part, negative | exponent negative << 1, digits before the point, first difference there or
  //  in the fraction, digits of the fraction while there is none / exponent, order of significant
  //  digits * 512 + how many were read}
  RuleState start() const override { return {kSign, 0, 0, 0, 0, kUndecided}; }

  RuleState next(const RuleState& state, char character) const override {
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

  Verdict verdict(const RuleState& state) const override {
    const int order = signed_order(state);
    bool holds = order == 0;
    if (comparison_ == Comparison::kAtLeast) holds = order >= 0;
    if (comparison_ == Comparison::kAtMost) holds = order <= 0;
    return holds ? Verdict::kYes : Verdict::kNo;
  }

 private:
  static constexpr int16_t kUndecided = 0;  // and so many significant digits read
  static constexpr int16_t kMore = 1000;    // decided: more, or less
  static constexpr int16_t kLess = 1001;
  static constexpr int16_t kIrrelevant = 1002;

  static int16_t sign_of(int difference) {
    return static_cast<int16_t>(difference > 0 ? 1 : difference < 0 ? -1 : 0);
  }
  static char at(const std::string& digits, int16_t place) {
    const auto index = static_cast<size_t>(place);
    return index < digits.size() ? digits[index] : '0';
  }

  int16_t follow_significant(int16_t read, char character) const {
    if (read >= kMore) return read;
    const int16_t order = sign_of(character - at(digits_, read));
    if (order != 0) return order > 0 ? kMore : kLess;
    return static_cast<size_t>(read) < digits_.size() ? static_cast<int16_t>(read + 1) : read;
  }
  int order_of_significant(int16_t read) const {
    if (read == kMore) return 1;
    if (read == kLess) return -1;
    return static_cast<size_t>(read) < digits_.size() ? -1 : 0;
  }
  int order_of_whole(int16_t count, int16_t order) const {
    const auto read = static_cast<size_t>(count);
    if (read != whole_.size()) return read < whole_.size() ? -1 : 1;
    return order;
  }

  /// |x| against |bound|.
  int order_of_magnitude(const RuleState& state) const {
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

  int signed_order(const RuleState& state) const {
    const int order = order_of_magnitude(state);
    const bool negative = (state[1] & 1) != 0;
    if (digits_.empty()) return order == 0 ? 0 : negative ? -1 : 1;  // against 0
    if (negative != negative_) return negative ? -1 : 1;  // -0 is above any negative bound, too
    return negative ? -order : order;
  }

  Comparison comparison_;
  bool negative_;
  std::string whole_;
  std::string fraction_;
  std::string digits_;
  int64_t exponent_;  // with one digit before the point
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
  if (std::gcd(divisor.factor, int64_t{10}) != 1) {  // its zeros can't be told apart
    for (; divisor.zeros > 0 && divisor.factor <= kMostRemainders; --divisor.zeros) {
      divisor.factor *= 10;
    }
  }
  if (divisor.factor > kMostRemainders) throw too_long();
  return divisor;
}

// A number is a multiple of f * 10^z / 10^p when, read as an integer with p digits behind its
// point, it is 0 modulo f and ends with z zeros (f and 10 have no common factor, or z is 0).
class MultipleRule final : public NumberRule {
 public:
  explicit MultipleRule(const Decimal& decimal) : divisor_(divisor_of(decimal)) {}

  // {part, remainder, zeros at the end, digits behind the point, anything but 0 was read,
  //  not a multiple whatever follows}
  RuleState start() const override { return {}; }

  RuleState next(const RuleState& state, char character) const override {
    auto [part, remainder, zeros, places, nonzero, missed] = state;
    if (character == 'e' || character == 'E') part = kExponent;
    if (part == kExponent) return {part, 0, 0, 0, 0, 0};
    if (character == '.') part = kFraction;
    if (!is_digit(character)) return {part, remainder, zeros, places, nonzero, missed};
    if (character != '0') nonzero = 1;
    if (part == kFraction && places == divisor_.places) {
      if (character != '0') missed = 1;
      return {part, remainder, zeros, places, nonzero, missed};
    }
    if (part == kFraction) ++places;
    follow(remainder, zeros, character);
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
    remainder = static_cast<int16_t>((remainder * 10 + digit_of(digit)) % divisor_.factor);
    zeros = static_cast<int16_t>(digit == '0' ? std::min(zeros + 1, divisor_.zeros) : 0);
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

size_t states_of_multiple(const Decimal& divisor) {
  const Divisor parts = divisor_of(divisor);
  return static_cast<size_t>(parts.factor) * static_cast<size_t>(parts.zeros + 1) *
         static_cast<size_t>(parts.places + 1);
}

namespace {

// Where NumberForm is; its state is {place, digits, one digit, zero at the end, leading digits are
// below 1.7, what the exponent's digits allow}.
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
constexpr int16_t kMostDigits = 32;

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
  const auto counted = [&](int16_t value) {
    return counted_ ? value : std::min<int16_t>(value, 2);
  };
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
      if (is_digit(character) && (!counted_ || digits < kMostDigits)) {
        return {kDigits, counted(static_cast<int16_t>(digits + 1)), 0, 0, 0, 0};
      }
      if (character == '.') return {kPoint, 0, single, 0, small, 0};
      if ((character == 'e' || character == 'E') && single != 0) return {kE, 0, 0, 0, small, 0};
      return kBroken;
    case kPoint:
      if (!is_digit(character)) return kBroken;
      return {
          kPlaces, 1, single, int16_t{character == '0'}, int16_t{small != 0 && character <= '6'},
          0};
    case kPlaces:
      if (is_digit(character) && (!counted_ || digits < kMostDigits)) {
        return {kPlaces, counted(static_cast<int16_t>(digits + 1)),
                single,  int16_t{character == '0'},
                small,   0};
      }
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
