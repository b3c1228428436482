#include "constraint/char_set.h"

#include <algorithm>

namespace owl3 {

namespace {

CharSet merged(std::vector<CharRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CharRange& a, const CharRange& b) { return a.first < b.first; });
  CharSet set;
  for (const CharRange& range : ranges) {
    if (range.first > range.last) continue;
    if (!set.empty() && range.first <= set.back().last + 1) {
      set.back().last = std::max(set.back().last, range.last);
    } else {
      set.push_back(range);
    }
  }
  return set;
}

/// What lies between the ranges, surrogates included.
CharSet gaps(const CharSet& set) {
  CharSet result;
  char32_t next = 0;
  for (const CharRange& range : set) {
    if (range.first > next) result.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCharacter) result.push_back({next, kLastCharacter});
  return result;
}

}  // namespace

const CharSet& all_characters() {
  static const CharSet all = {{0, kFirstSurrogate - 1}, {kLastSurrogate + 1, kLastCharacter}};
  return all;
}

CharSet make_char_set(std::vector<CharRange> ranges) {
  // Without surrogates: the complement of (the complement and the surrogates).
  CharSet others = gaps(merged(std::move(ranges)));
  others.push_back({kFirstSurrogate, kLastSurrogate});
  return gaps(merged(std::move(others)));
}

CharSet united(const CharSet& a, const CharSet& b) {
  std::vector<CharRange> both = a;
  both.insert(both.end(), b.begin(), b.end());
  return merged(std::move(both));
}

CharSet complement(const CharSet& set) {
  return make_char_set(gaps(set));
}

bool contains(const CharSet& set, char32_t character) {
  const auto above =
      std::upper_bound(set.begin(), set.end(), character,
                       [](char32_t value, const CharRange& range) { return value < range.first; });
  return above != set.begin() && character <= std::prev(above)->last;
}

}  // namespace owl3
