#include "constraint/number_automaton.h"

#include <unordered_map>

namespace owl3 {

namespace {

constexpr size_t kSymbols = kNumberCharacters.size();
constexpr size_t kMaxStates = 60'000;

/// The form's state, then the rules'.
using States = std::vector<RuleState>;

struct StatesHash {
  size_t operator()(const States& states) const {
    uint64_t hash = states.size();
    for (const RuleState& state : states) {
      for (const int16_t value : state) {
        hash = (hash ^ static_cast<uint16_t>(value)) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 31;
      }
    }
    return static_cast<size_t>(hash);
  }
};

}  // namespace

NumberAutomaton::NumberAutomaton(const std::vector<const NumberRule*>& rules,
                                 const Decision& decide, bool counted, WorkBudget& budget) {
  const NumberForm form(counted);
  States first = {form.start()};
  for (const NumberRule* rule : rules) first.push_back(rule->start());
  std::unordered_map<States, uint32_t, StatesHash> known = {{first, 0}};
  std::vector<const States*> states = {&known.begin()->first};
  std::vector<Verdict> verdicts(rules.size());
  States target(first.size());
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
  for (size_t state = 0; state < states.size(); ++state) {
    const States& here = *states[state];
    bool accepted = form.complete(here.front());
    if (accepted) {
      for (size_t i = 0; i < rules.size(); ++i) verdicts[i] = rules[i]->verdict(here[i + 1]);
      accepted = decide(verdicts) == Verdict::kYes;
    }
    accepting_.push_back(accepted);
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
      auto found = known.find(target);
      if (found == known.end() && is_hopeless()) {
        next_.push_back(kDead);
        continue;
      }
      if (found == known.end()) {
        found = known.emplace(target, static_cast<uint32_t>(states.size())).first;
        states.push_back(&found->first);
      }
      next_.push_back(found->second);
    }
    if (states.size() > kMaxStates) {
      throw InputError(
          "the answer's form says too much of one number: its limits and multiples multiply to "
          "more than 60,000 cases; make it simpler");
    }
  }
  make_dead();
}

void NumberAutomaton::make_dead() {
  const size_t count = accepting_.size();
  std::vector<std::vector<uint32_t>> before(count);
  for (size_t i = 0; i < next_.size(); ++i) {
    if (next_[i] != kDead) before[next_[i]].push_back(static_cast<uint32_t>(i / kSymbols));
  }
  std::vector<bool> alive = accepting_;
  std::vector<uint32_t> open;
  for (uint32_t state = 0; state < count; ++state) {
    if (alive[state]) open.push_back(state);
  }
  while (!open.empty()) {
    const uint32_t state = open.back();
    open.pop_back();
    for (const uint32_t earlier : before[state]) {
      if (alive[earlier]) continue;
      alive[earlier] = true;
      open.push_back(earlier);
    }
  }
  for (uint32_t& target : next_) {
    if (target != kDead && !alive[target]) target = kDead;
  }
  if (!alive[start_]) start_ = kDead;
}

uint32_t NumberAutomaton::next(uint32_t state, unsigned char byte) const {
  const size_t symbol = kNumberCharacters.find(static_cast<char>(byte));
  return symbol == std::string_view::npos ? kDead : next_[state * kSymbols + symbol];
}

}  // namespace owl3
