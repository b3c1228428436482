// Sets of characters (Unicode code points without surrogates) as ascending ranges.
#pragma once

#include <cstdint>
#include <vector>

namespace owl3 {

struct CharRange {
  char32_t first = 0;
  char32_t last = 0;
  bool operator==(const CharRange&) const = default;
};

/// Ascending, disjoint and not touching each other; the functions below keep it so.
using CharSet = std::vector<CharRange>;

inline constexpr char32_t kLastCharacter = 0x10FFFF;
inline constexpr char32_t kFirstSurrogate = 0xD800;
inline constexpr char32_t kLastSurrogate = 0xDFFF;

const CharSet& all_characters();
/// Any ranges in any order as a set; surrogates are left out.
CharSet make_char_set(std::vector<CharRange> ranges);
CharSet united(const CharSet& a, const CharSet& b);
CharSet complement(const CharSet& set);
bool contains(const CharSet& set, char32_t character);

}  // namespace owl3
