#include "constraint/number_automaton.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_set>

namespace owl3 {

namespace {

constexpr size_t kSymbols = kNumberCharacters.size();
constexpr size_t kMaxRows = 200'000;
constexpr uint8_t kNever = UINT8_MAX;

/// What the rows stand for: the form's state, then the rules', each known by its number.
class Rows {
 public:
  explicit Rows(size_t width) : width_(width) {}

  const RuleState* operator[](size_t row) const { return states_.data() + row * width_; }
  size_t size() const { return states_.size() / width_; }
  /// Its number: size() as it was where it is new.
  uint32_t add(const std::vector<RuleState>& row) {
    const auto number = static_cast<uint32_t>(size());
    states_.insert(states_.end(), row.begin(), row.end());
    const auto [found, is_new] = known_.insert(number);
    if (!is_new) states_.resize(number * width_);
    return *found;
  }
  void take_back_last() {
    const auto number = static_cast<uint32_t>(size() - 1);
    known_.erase(number);
    states_.resize(number * width_);
  }

 private:
  struct Hash {
    const Rows* rows;
    size_t operator()(uint32_t row) const {
      uint64_t hash = 0;
      for (size_t i = 0; i < rows->width_; ++i) {
        for (const uint32_t part :
             std::bit_cast<std::array<uint32_t, sizeof(RuleState) / 4>>((*rows)[row][i])) {
          hash = (hash ^ part) * 0x9E3779B97F4A7C15u;
          hash ^= hash >> 31;
        }
      }
      return static_cast<size_t>(hash);
    }
  };
  struct Equal {
    const Rows* rows;
    bool operator()(uint32_t a, uint32_t b) const {
      return std::equal((*rows)[a], (*rows)[a] + rows->width_, (*rows)[b]);
    }
  };

  size_t width_;
  std::vector<RuleState> states_;
  std::unordered_set<uint32_t, Hash, Equal> known_{1024, Hash{this}, Equal{this}};
};

}  // namespace

NumberAutomaton::NumberAutomaton(const std::vector<const NumberRule*>& rules,
                                 const Decision& decide, WorkBudget& budget) {
  const NumberForm form;
  std::vector<RuleState> here = {form.start()};
  for (const NumberRule* rule : rules) here.push_back(rule->start());
  std::vector<RuleState> target(here.size());
  Rows rows(here.size());
  rows.add(here);
  std::vector<Verdict> verdicts(rules.size());
  // What is settled already may leave no number, whatever follows.
  const auto is_hopeless = [&] {
    bool any = false;
    for (size_t i = 0; i < rules.size(); ++i) {
      const bool settled = rules[i]->settled(target[i + 1]);
      verdicts[i] = settled ? rules[i]->verdict(target[i + 1]) : Verdict::kUnknown;
      any = any || settled;
    }
    return any && decide(verdicts) == Verdict::kNo;
  };
  for (size_t row = 0; row < rows.size(); ++row) {
    here.assign(rows[row], rows[row] + here.size());
    bool accepted = form.complete(here.front());
    if (accepted) {
      for (size_t i = 0; i < rules.size(); ++i) verdicts[i] = rules[i]->verdict(here[i + 1]);
      accepted = decide(verdicts) == Verdict::kYes;
    }
    accepting_.push_back(accepted);
    runs_.push_back(form.run(here.front()));
    for (const char character : kNumberCharacters) {
      target.front() = form.next(here.front(), character);
      if (target.front() == NumberForm::kBroken) {
        next_.push_back(kDead);
        continue;
      }
      for (size_t i = 0; i < rules.size(); ++i) {
        target[i + 1] = rules[i]->next(here[i + 1], character);
      }
      budget.spend(1 + rules.size() / 2);
      const size_t known = rows.size();
      const uint32_t number = rows.add(target);
      const bool dead = number == known && is_hopeless();
      if (dead) rows.take_back_last();
      next_.push_back(dead ? kDead : number);
    }
    if (rows.size() > kMaxRows) {
      throw InputError(
          "the answer's form says too much of one number: its limits and multiples multiply to "
          "more than 200,000 cases; make it simpler");
    }
  }
  find_least_digits();
}

bool NumberAutomaton::in_one_run(uint32_t row, uint32_t next) const {
  return runs_[next] != NumberForm::Run::kNone && runs_[next] == runs_[row];
}

/// Backwards from what is accepted; rows from which it is out of reach become kDead.
void NumberAutomaton::find_least_digits() {
  const size_t count = accepting_.size();
  std::vector<uint32_t> begins(count + 2);  // of each row's predecessors
  for (const uint32_t target : next_) {
    if (target != kDead) ++begins[target + 2];
  }
  for (size_t i = 2; i < begins.size(); ++i) begins[i] += begins[i - 1];
  std::vector<uint32_t> before(begins.back());
  for (size_t i = 0; i < next_.size(); ++i) {
    if (next_[i] != kDead) before[begins[next_[i] + 1]++] = static_cast<uint32_t>(i / kSymbols);
  }

  least_digits_.assign(count, kNever);
  std::vector<uint32_t> open;
  for (uint32_t row = 0; row < count; ++row) {
    if (!accepting_[row]) continue;
    least_digits_[row] = 0;
    open.push_back(row);
  }
  for (size_t i = 0; i < open.size(); ++i) {  // grows
    const uint32_t row = open[i];
    const uint8_t least = least_digits_[row];
    // At least the digit that led here was written of the run.
    if (runs_[row] != NumberForm::Run::kNone && least + 1u > NumberForm::kMostDigits) continue;
    for (uint32_t p = begins[row]; p < begins[row + 1]; ++p) {
      const uint32_t earlier = before[p];
      const auto needed = static_cast<uint8_t>(in_one_run(earlier, row) ? least + 1 : 0);
      if (needed >= least_digits_[earlier]) continue;
      least_digits_[earlier] = needed;
      open.push_back(earlier);
    }
  }
  for (uint32_t& target : next_) {
    if (target != kDead && least_digits_[target] == kNever) target = kDead;
  }
  if (least_digits_[start_] == kNever) start_ = kDead;
}

uint32_t NumberAutomaton::next(uint32_t state, unsigned char byte) const {
  const size_t symbol = kNumberCharacters.find(static_cast<char>(byte));
  if (symbol == std::string_view::npos) return kDead;
  const uint32_t row = state >> kDigitBits;
  const uint32_t target = next_[row * kSymbols + symbol];
  if (target == kDead) return kDead;
  uint32_t digits = 0;
  if (runs_[target] != NumberForm::Run::kNone) {
    digits = in_one_run(row, target) ? (state & ((1u << kDigitBits) - 1)) + 1 : 1;
    if (digits + least_digits_[target] > NumberForm::kMostDigits) return kDead;
  }
  return target << kDigitBits | digits;
}

}  // namespace owl3
