// What a schema says of numbers, decided on their text: each rule follows the characters of a
// number in a small state and has a verdict at its end.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "constraint/decimal.h"
#include "constraint/work_budget.h"

namespace owl3 {

/// The characters of a number's text.
inline constexpr std::string_view kNumberCharacters = "0123456789-+.eE";

enum class Verdict { kYes, kNo, kUnknown };

/// A rule's state: small, comparable, of a bounded number of values.
using RuleState = std::array<int16_t, 6>;

class NumberRule {
 public:
  virtual ~NumberRule() = default;
  virtual RuleState start() const = 0;
  /// `character` continues a well-formed number.
  virtual RuleState next(const RuleState& state, char character) const = 0;
  virtual Verdict verdict(const RuleState& state) const = 0;
  /// The verdict stays what it is, whatever follows; false where that isn't known.
  virtual bool settled(const RuleState&) const { return false; }
};

enum class Comparison { kAtLeast, kAtMost };

std::unique_ptr<NumberRule> make_comparison(Comparison comparison, const Decimal& bound);
/// One of the values, however many they are.
std::unique_ptr<NumberRule> make_set_rule(const std::vector<Decimal>& values, WorkBudget& budget);
/// How integers may be written. All of 1, 1.0 and 1e0 are integers to JSON Schema, but many a
/// program reads the latter as floating point.
enum class IntegerTexts { kAny, kDigits };
/// A number without fraction. Of one that is written in another way the verdict is unknown.
std::unique_ptr<NumberRule> make_integer_rule(IntegerTexts texts);
/// `divisor` > 0. Throws InputError when it has too many digits to be counted by.
std::unique_ptr<NumberRule> make_multiple_rule(const Decimal& divisor);

/// The form itself: what serialisers write. Digits, their number not looked at, or a digit other
/// than 0, its fraction and an exponent that a double has; no zeros at a fraction's end but for
/// ".0". Its next() gives kBroken for other characters.
class NumberForm {
 public:
  static constexpr RuleState kBroken = {-1, -1, -1, -1, -1, -1};
  RuleState start() const { return {}; }
  RuleState next(const RuleState& state, char character) const;
  bool complete(const RuleState& state) const;
  /// Which digits are being written: a run of them may have kMostDigits.
  enum class Run : uint8_t { kNone, kWhole, kFraction };
  static constexpr uint32_t kMostDigits = 32;
  Run run(const RuleState& state) const;

 private:
  RuleState next_in_exponent(const RuleState& state, char character) const;
};

}  // namespace owl3
