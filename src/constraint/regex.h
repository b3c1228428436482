// Regular expressions as shared terms, taken apart by derivatives (Brzozowski 1964): what is left
// to match behind a character is a regular expression again. That makes intersection and
// complement, which JSON Schema needs and other ways of building automata don't have, as cheap as
// union.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "constraint/char_set.h"
#include "constraint/work_budget.h"

namespace owl3 {

/// A term of a RegexTerms; equal terms have equal numbers.
using RegexId = uint32_t;

inline constexpr uint32_t kUnlimited = UINT32_MAX;

/// Characters in classes: those from starts[i] up to the next start belong to class_of[i].
struct Alphabet {
  std::vector<char32_t> starts;  // ascending, from 0
  std::vector<uint32_t> class_of;
  std::vector<char32_t> representatives;  // one of each class
};

class RegexTerms {
 public:
  explicit RegexTerms(WorkBudget& budget);

  RegexId none() const { return 0; }   // matches nothing
  RegexId empty() const { return 1; }  // the empty text
  RegexId any_text() const { return any_text_; }
  RegexId any_character() const { return any_character_; }
  RegexId set(const CharSet& characters);
  RegexId literal(std::string_view utf8);
  RegexId concat(RegexId first, RegexId rest);
  /// `max` may be kUnlimited.
  RegexId repeat(RegexId term, uint32_t min, uint32_t max);
  RegexId either(std::vector<RegexId> terms);
  RegexId both(std::vector<RegexId> terms);
  RegexId negation(RegexId term);

  /// Whether the empty text matches.
  bool nullable(RegexId term) const { return nodes_[term].nullable; }
  /// What has to follow `character`.
  RegexId derivative(RegexId term, char32_t character);
  /// Of a term that is nothing but ways to begin with a character: which, and what has to follow.
  /// Nothing for other terms.
  struct Head {
    const CharSet* characters = nullptr;
    RegexId rest = 0;
  };
  std::optional<std::vector<Head>> heads(RegexId term) const;
  /// The characters in classes that none of the terms, nor what they leave, tells apart.
  Alphabet alphabet(const std::vector<RegexId>& terms) const;

 private:
  enum class Kind : uint8_t { kNone, kEmpty, kSet, kConcat, kRepeat, kEither, kBoth, kNot };
  struct Node {
    Kind kind = Kind::kNone;
    bool nullable = false;
    uint32_t min = 0;  // kRepeat; of a kSet its number
    uint32_t max = 0;
    std::vector<RegexId> parts{};
  };
  RegexId add(Node node);
  RegexId set_operation(Kind kind, std::vector<RegexId> terms);
  RegexId make_derivative(RegexId term, char32_t character);

  WorkBudget& budget_;
  // Deques: a term that is being read stays where it is while others are made of it.
  std::deque<Node> nodes_;
  std::deque<CharSet> sets_;
  std::unordered_multimap<uint64_t, RegexId> known_;
  struct Derived {
    RegexId term = 0;  // no text: it has no parts, and is not kept
    char32_t character = 0;
    RegexId derivative = 0;
  };
  std::vector<Derived> derived_;
  RegexId any_character_ = 0;
  RegexId any_text_ = 0;
};

/// Reads a regular expression of ECMA-262 (with the u flag) and returns the term for all texts in
/// which it matches somewhere, as JSON Schema's `pattern` has it, or with `whole` for the texts
/// that it matches from beginning to end. Throws InputError naming what is wrong or not supported
/// (backreferences, word boundaries, lookbehind).
RegexId read_regex(RegexTerms& terms, std::string_view pattern, bool whole);

}  // namespace owl3
