#include "constraint/text_automaton.h"

#include <algorithm>
#include <map>

#include "constraint/live_states.h"

namespace owl3 {

namespace {

constexpr size_t kMaxStates = 20'000;
constexpr size_t kMaxTableBytes = size_t{64} << 20;

}  // namespace

TextAutomaton::TextAutomaton(RegexTerms& terms, RegexId term, WorkBudget& budget)
    : budget_(&budget) {
  explore(terms, {term}, budget, true);
  make_dead();
}

TextAutomaton::TextAutomaton(RegexTerms& terms, const std::vector<RegexId>& followed,
                             WorkBudget& budget)
    : budget_(&budget) {
  if (followed.size() > kMaxFollowed) {
    throw InputError("an object of the schema has more than 64 patterns of names");
  }
  explore(terms, followed, budget, false);
}

/// `one`: of the one term followed only what may match yet is wanted.
void TextAutomaton::explore(RegexTerms& terms, const std::vector<RegexId>& followed,
                            WorkBudget& budget, bool one) {
  const Alphabet alphabet = terms.alphabet(followed);
  starts_ = alphabet.starts;
  interval_class_ = alphabet.class_of;
  representatives_ = alphabet.representatives;
  classes_ = representatives_.size();
  for (char32_t c = 0; c < ascii_.size(); ++c) ascii_[c] = interval_class_[interval_of(c)];

  std::map<std::vector<RegexId>, uint32_t> known = {{followed, 0}};
  std::vector<std::vector<RegexId>> states = {followed};
  const auto number_of = [&](std::vector<RegexId> target) {
    const auto number = static_cast<uint32_t>(states.size());
    const auto [found, is_new] = known.emplace(target, number);
    if (is_new) states.push_back(std::move(target));
    return found->second;
  };
  for (uint32_t state = 0; state < states.size(); ++state) {
    const std::vector<RegexId> here = states[state];
    MatchBits matches = 0;
    for (size_t i = 0; i < followed.size(); ++i) {
      matches |= MatchBits{terms.nullable(here[i])} << i;
    }
    matches_.push_back(matches);
    next_.resize(next_.size() + classes_, kDead);
    uint32_t* const row = next_.data() + state * classes_;
    if (const auto heads = one ? terms.heads(here.front()) : std::nullopt) {
      for (const auto& [c, rest] : by_class(*heads)) row[c] = number_of({terms.either(rest)});
      budget.spend(classes_ / 2);
    } else {
      for (size_t c = 0; c < classes_; ++c) {
        const char32_t character = representatives_[c];
        if (character >= kFirstSurrogate && character <= kLastSurrogate) continue;
        std::vector<RegexId> target = here;
        for (RegexId& term : target) term = terms.derivative(term, character);
        row[c] = number_of(std::move(target));
      }
    }
    budget.spend(1 + classes_ / 8);
    if (states.size() > kMaxStates) {
      throw InputError(
          "the texts of the answer's form are too intricate: its patterns, lengths, choices or "
          "enums "
          "need more than 20,000 states; make them simpler or fewer");
    }
  }
}

/// What has to follow, by the class of the first character: of many texts each has few.
std::map<uint32_t, std::vector<RegexId>> TextAutomaton::by_class(
    const std::vector<RegexTerms::Head>& heads) const {
  std::map<uint32_t, std::vector<RegexId>> rests;
  for (const RegexTerms::Head& head : heads) {
    uint32_t last = UINT32_MAX;
    for (const CharRange& range : *head.characters) {
      for (size_t i = interval_of(range.first); i < starts_.size() && starts_[i] <= range.last;
           ++i) {
        const uint32_t c = interval_class_[i];
        budget_->spend(1);
        if (c != last) rests[c].push_back(head.rest);
        last = c;
      }
    }
  }
  return rests;
}

/// States from which nothing matches become kDead.
void TextAutomaton::make_dead() {
  std::vector<std::vector<uint32_t>> before(states());
  for (uint32_t state = 0; state < states(); ++state) {
    for (size_t c = 0; c < classes_; ++c) {
      const uint32_t target = next_[state * classes_ + c];
      if (target != kDead && (before[target].empty() || before[target].back() != state)) {
        before[target].push_back(state);
      }
    }
  }
  std::vector<bool> accepting(states());
  for (uint32_t state = 0; state < states(); ++state) accepting[state] = accepts(state);
  const std::vector<bool> alive = live_states(accepting, before);
  for (uint32_t& target : next_) {
    if (target != kDead && !alive[target]) target = kDead;
  }
  if (!alive[start_]) start_ = kDead;
}

size_t TextAutomaton::interval_of(char32_t character) const {
  const auto above = std::upper_bound(starts_.begin(), starts_.end(), character);
  return static_cast<size_t>(above - starts_.begin()) - 1;
}

const std::vector<bool>& TextAutomaton::row(size_t length) {
  while (cycle_begin_ == SIZE_MAX && rows_.size() <= length) {
    std::vector<bool> row(states());
    if (rows_.empty()) {
      for (uint32_t state = 0; state < states(); ++state) row[state] = accepts(state);
    } else {
      for (uint32_t state = 0; state < states(); ++state) {
        const auto first = next_.begin() + static_cast<std::ptrdiff_t>(state * classes_);
        row[state] =
            std::any_of(first, first + static_cast<std::ptrdiff_t>(classes_),
                        [&](uint32_t target) { return target != kDead && rows_.back()[target]; });
      }
    }
    budget_->spend(1 + states() * classes_ / 16);
    if (rows_.size() * states() / 8 > kMaxTableBytes) {
      throw InputError("a pattern with such lengths is too intricate in the answer's form");
    }
    // The most a row's repetition may lie back: alternating lengths of small patterns.
    constexpr size_t kLongestCycle = 64;
    const size_t oldest = rows_.size() > kLongestCycle ? rows_.size() - kLongestCycle : 0;
    for (size_t i = rows_.size(); i-- > oldest && cycle_begin_ == SIZE_MAX;) {
      if (rows_[i] == row) cycle_begin_ = i;
    }
    if (cycle_begin_ == SIZE_MAX) rows_.push_back(std::move(row));
  }
  if (length < rows_.size()) return rows_[length];
  return rows_[cycle_begin_ + (length - cycle_begin_) % (rows_.size() - cycle_begin_)];
}

bool TextAutomaton::matches_within(uint32_t state, uint32_t min, uint32_t max) {
  if (state == kDead || min > max) return false;
  if (min == 0 && max == kUnlimited) return true;
  for (size_t length = min;; ++length) {
    if (row(length)[state]) return true;
    if (length == max) return false;
    // All rows there are have been looked at once behind the minimum.
    if (cycle_begin_ != SIZE_MAX && length >= min + rows_.size()) return false;
  }
}

std::vector<uint64_t> TextAutomaton::count_texts(const std::vector<bool>& counted) const {
  // Texts of a length at most the number of states; beyond, a state repeats and there is no limit.
  std::vector<uint64_t> total(states());
  std::vector<uint64_t> last(states());
  for (size_t state = 0; state < states(); ++state) total[state] = last[state] = counted[state];
  // How many characters are in each class.
  std::vector<uint64_t> sizes(classes_);
  for (size_t i = 0; i < starts_.size(); ++i) {
    const uint64_t end = i + 1 < starts_.size() ? starts_[i + 1] : kLastCharacter + 1;
    sizes[interval_class_[i]] += end - starts_[i];
  }
  for (size_t length = 1; length <= states() + 1; ++length) {
    std::vector<uint64_t> longer(states());
    bool any = false;
    for (size_t state = 0; state < states(); ++state) {
      uint64_t sum = 0;
      for (size_t c = 0; c < classes_; ++c) {
        const uint32_t target = next_[state * classes_ + c];
        if (target != kDead && last[target] > 0) {
          sum = std::min(sum + std::min(sizes[c] * last[target], kCountLimit), kCountLimit);
        }
      }
      longer[state] = length > states() && sum > 0 ? kCountLimit : sum;
      total[state] = std::min(total[state] + longer[state], kCountLimit);
      any = any || (sum > 0 && total[state] < kCountLimit);
    }
    budget_->spend(1 + states() * classes_ / 16);
    last = std::move(longer);
    if (!any) break;
  }
  return total;
}

std::vector<std::u32string> TextAutomaton::shortest_texts(const std::vector<bool>& counted,
                                                          size_t most) const {
  const uint64_t count = count_texts(counted)[start_];
  most = static_cast<size_t>(std::min<uint64_t>(most, count));
  std::vector<std::u32string> found;
  std::vector<std::vector<bool>> rows = {counted};  // from which states so long a text leads there
  while (found.size() < most) {
    if (rows.back()[start_]) add_texts(rows, most, found);
    std::vector<bool> longer(states());
    for (uint32_t state = 0; state < states(); ++state) {
      for (size_t c = 0; c < classes_ && !longer[state]; ++c) {
        const uint32_t target = next_[state * classes_ + c];
        longer[state] = target != kDead && rows.back()[target];
      }
    }
    budget_->spend(1 + states() * classes_ / 16);
    rows.push_back(std::move(longer));
  }
  return found;
}

/// Texts as long as there are rows but one, until `most` are found. None is begun in vain.
void TextAutomaton::add_texts(const std::vector<std::vector<bool>>& rows, size_t most,
                              std::vector<std::u32string>& found) const {
  struct Step {
    uint32_t state;
    size_t interval;
    char32_t character;
  };
  std::u32string text;
  std::vector<Step> path = {{start_, 0, 0}};
  const auto back = [&] {
    path.pop_back();
    if (!text.empty()) text.pop_back();
  };
  while (!path.empty() && found.size() < most) {
    budget_->spend(1 + text.size() / 16);
    if (path.size() == rows.size()) {
      found.push_back(text);
      back();
      continue;
    }
    const std::vector<bool>& row = rows[rows.size() - 1 - path.size()];
    Step& step = path.back();
    if (step.interval == starts_.size()) {
      back();
      continue;
    }
    const uint32_t target = next_[step.state * classes_ + interval_class_[step.interval]];
    const bool last = step.interval + 1 == starts_.size();
    const char32_t end = last ? kLastCharacter + 1 : starts_[step.interval + 1];
    const bool enough = step.character == end || step.character > starts_[step.interval] + most;
    if (target == kDead || !row[target] || enough) {
      ++step.interval;
      if (!last) step.character = starts_[step.interval];
      continue;
    }
    text += step.character++;
    path.push_back({target, 0, 0});
  }
}

std::vector<MatchBits> TextAutomaton::all_matches() const {
  std::vector<MatchBits> all = matches_;
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace owl3
