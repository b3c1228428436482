// A number that is one of some values, as a table: while it is read, fewer and fewer of them may
// still be equal to it, and mostly none.
#include <algorithm>
#include <map>

#include "constraint/live_states.h"
#include "constraint/number_order.h"
#include "core/error.h"

namespace owl3 {

namespace {

constexpr size_t kSymbols = kNumberCharacters.size();
constexpr size_t kMaxStates = 120'000;

class NumberSetRule final : public NumberRule {
 public:
  NumberSetRule(const std::vector<Decimal>& values, WorkBudget& budget) {
    for (const Decimal& value : values) orders_.emplace_back(value);
    Place first{form_.start(), {}};
    for (uint32_t i = 0; i < orders_.size(); ++i) first.values.emplace_back(i, orders_[i].start());
    number({});  // no value may be equal any more
    start_ = number(std::move(first));
    for (uint32_t state = 0; state < places_.size(); ++state) explore(state, budget);
    leave_out_hopeless();
    places_.clear();
    numbers_.clear();
    orders_.clear();
  }

  RuleState start() const override { return state_of(start_); }
  RuleState next(const RuleState& state, char character) const override {
    return state_of(next_[number_of(state) * kSymbols + kNumberCharacters.find(character)]);
  }
  Verdict verdict(const RuleState& state) const override {
    return equal_[number_of(state)] ? Verdict::kYes : Verdict::kNo;
  }
  bool settled(const RuleState& state) const override { return number_of(state) == kNone; }

 private:
  static constexpr uint32_t kNone = 0;
  static constexpr uint32_t kHalf = 0x8000;

  /// Where a number is, and the values that it may be with theirs.
  struct Place {
    RuleState form{};
    std::vector<std::pair<uint32_t, RuleState>> values{};
    auto operator<=>(const Place&) const = default;
  };

  static RuleState state_of(uint32_t number) {
    return {static_cast<int16_t>(number % kHalf), static_cast<int16_t>(number / kHalf)};
  }
  static uint32_t number_of(const RuleState& state) {
    return static_cast<uint32_t>(state[0]) + static_cast<uint32_t>(state[1]) * kHalf;
  }

  uint32_t number(Place place) {
    const auto [found, is_new] =
        numbers_.emplace(std::move(place), static_cast<uint32_t>(places_.size()));
    if (is_new) places_.push_back(&found->first);
    return found->second;
  }

  void explore(uint32_t state, WorkBudget& budget) {
    const Place& place = *places_[state];
    budget.spend(4 + place.values.size());
    const bool complete = !place.values.empty() && form_.complete(place.form);
    equal_.push_back(complete &&
                     std::any_of(place.values.begin(), place.values.end(), [&](const auto& value) {
                       return orders_[value.first].order(value.second) == 0;
                     }));
    for (const char character : kNumberCharacters) {
      Place target;
      if (!place.values.empty()) target.form = form_.next(place.form, character);
      if (target.form != NumberForm::kBroken) {
        for (const auto& [value, at] : place.values) {
          const RuleState behind = orders_[value].next(at, character);
          if (orders_[value].may_be_equal(behind)) target.values.emplace_back(value, behind);
        }
        budget.spend(1 + place.values.size() / 2);
      }
      next_.push_back(target.values.empty() ? kNone : number(std::move(target)));
    }
    if (places_.size() > kMaxStates) {
      throw InputError(
          "an enum of the answer's form has more numbers than can be told apart while they are "
          "written; make it shorter, or say it by minimum and maximum");
    }
  }

  /// States behind which no text that is a number's is equal to any value become kNone.
  void leave_out_hopeless() {
    std::vector<std::vector<uint32_t>> before(equal_.size());
    for (size_t i = 0; i < next_.size(); ++i) {
      before[next_[i]].push_back(static_cast<uint32_t>(i / kSymbols));
    }
    const std::vector<bool> alive = live_states(equal_, before);
    for (uint32_t& target : next_) {
      if (!alive[target]) target = kNone;
    }
  }

  NumberForm form_;
  std::vector<NumberOrder> orders_;
  std::map<Place, uint32_t> numbers_;
  std::vector<const Place*> places_;
  uint32_t start_ = 0;
  std::vector<uint32_t> next_;  // states x kNumberCharacters
  std::vector<bool> equal_;
};

}  // namespace

std::unique_ptr<NumberRule> make_set_rule(const std::vector<Decimal>& values, WorkBudget& budget) {
  return std::make_unique<NumberSetRule>(values, budget);
}

}  // namespace owl3
