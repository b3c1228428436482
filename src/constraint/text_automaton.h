// A regular expression, or several that are followed side by side, as a table over characters.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "constraint/regex.h"

namespace owl3 {

/// Which of several terms match, a bit each.
using MatchBits = uint64_t;
inline constexpr size_t kMaxFollowed = 64;

class TextAutomaton {
 public:
  static constexpr uint32_t kDead = UINT32_MAX;

  /// Follows one term; states from which it can't match any more are kDead.
  TextAutomaton(RegexTerms& terms, RegexId term, WorkBudget& budget);
  /// Follows all of them, at most kMaxFollowed, through every text.
  TextAutomaton(RegexTerms& terms, const std::vector<RegexId>& followed, WorkBudget& budget);

  uint32_t start() const { return start_; }
  /// Nothing matches.
  bool empty() const { return start_ == kDead; }
  uint32_t next(uint32_t state, char32_t character) const {
    return next_[state * classes_ + class_of(character)];
  }
  MatchBits matches(uint32_t state) const { return matches_[state]; }
  bool accepts(uint32_t state) const { return (matches_[state] & 1) != 0; }
  size_t states() const { return matches_.size(); }

  /// Calls visit(state) for what some character of the range leads to, until it says true.
  template <typename Visit>
  bool any_next(uint32_t state, char32_t first, char32_t last, const Visit& visit) const {
    for (size_t i = interval_of(first); i < starts_.size() && starts_[i] <= last; ++i) {
      const uint32_t target = next_[state * classes_ + interval_class_[i]];
      if (target != kDead && visit(target)) return true;
    }
    return false;
  }

  /// Whether some text of `min` to `max` characters leads from the state to a match.
  bool matches_within(uint32_t state, uint32_t min, uint32_t max);

  /// How many texts lead from the state to one where `counts(matches)` holds; kCountLimit for that
  /// many or more.
  static constexpr uint64_t kCountLimit = uint64_t{1} << 32;
  template <typename Counts>
  std::vector<uint64_t> count_texts(const Counts& counts) const {
    std::vector<bool> counted(states());
    for (uint32_t state = 0; state < states(); ++state) counted[state] = counts(matches_[state]);
    return count_texts(counted);
  }
  std::vector<uint64_t> count_texts(const std::vector<bool>& counted) const;
  /// Shortest texts first, up to `most`, that lead from the start to where `counted` holds.
  std::vector<std::u32string> shortest_texts(const std::vector<bool>& counted, size_t most) const;
  /// All values of matches() that some text has.
  std::vector<MatchBits> all_matches() const;

 private:
  void explore(RegexTerms& terms, const std::vector<RegexId>& followed, WorkBudget& budget,
               bool one);
  std::map<uint32_t, std::vector<RegexId>> by_class(
      const std::vector<RegexTerms::Head>& heads) const;
  void make_dead();
  void add_texts(const std::vector<std::vector<bool>>& rows, size_t most,
                 std::vector<std::u32string>& found) const;
  size_t interval_of(char32_t character) const;
  uint32_t class_of(char32_t character) const {
    return character < ascii_.size() ? ascii_[character] : interval_class_[interval_of(character)];
  }
  const std::vector<bool>& row(size_t length);

  std::vector<char32_t> starts_;
  std::vector<uint32_t> interval_class_;
  std::vector<char32_t> representatives_;
  std::array<uint32_t, 128> ascii_{};
  size_t classes_ = 0;
  uint32_t start_ = 0;
  std::vector<uint32_t> next_;  // states x classes
  std::vector<MatchBits> matches_;

  // Rows by length: from which states a text of that length matches. They repeat at last: rows from
  // cycle_begin_ on stand for all later ones.
  std::vector<std::vector<bool>> rows_;
  size_t cycle_begin_ = SIZE_MAX;
  WorkBudget* budget_;
};

}  // namespace owl3
