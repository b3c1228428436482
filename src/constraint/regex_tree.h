// A regular expression as it is written: what stands beside and inside what.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "constraint/char_set.h"

namespace owl3 {

struct RegexTree {
  enum class Kind { kEmpty, kSet, kSequence, kChoice, kRepeat, kStart, kEnd, kLookahead };
  Kind kind = Kind::kEmpty;
  CharSet set{};
  std::vector<RegexTree> parts{};
  uint32_t min = 0;
  uint32_t max = 0;
  bool negative = false;  // kLookahead

  bool zero_width() const {
    return kind == Kind::kEmpty || kind == Kind::kStart || kind == Kind::kEnd ||
           kind == Kind::kLookahead;
  }
  /// No anchor or lookahead in it.
  bool plain() const {
    if (kind == Kind::kStart || kind == Kind::kEnd || kind == Kind::kLookahead) return false;
    return std::all_of(parts.begin(), parts.end(),
                       [](const RegexTree& part) { return part.plain(); });
  }
};

/// Throws InputError as read_regex() does.
RegexTree read_regex_tree(std::string_view pattern);
/// Throws InputError: the pattern, as much of it as is worth showing, and what is wrong with it.
[[noreturn]] void refuse_pattern(std::string_view pattern, std::string_view what);

}  // namespace owl3
