// Turns a regular expression's tree into a term, from its end, since an anchor or a lookahead
// speaks about all that follows.
#include "constraint/regex.h"
#include "constraint/regex_tree.h"

namespace owl3 {

namespace {

constexpr uint32_t kMaxUnrolled = 16;  // repetitions of what holds anchors or lookaheads

class TermMaker {
 public:
  TermMaker(RegexTerms& terms, std::string_view pattern) : terms_(terms), pattern_(pattern) {}

  /// `tree`, then `rest`. `at_start`: nothing stands before it.
  RegexId make(const RegexTree& tree, RegexId rest, bool at_start) {
    switch (tree.kind) {
      case RegexTree::Kind::kEmpty:
        return rest;
      case RegexTree::Kind::kSet:
        return terms_.concat(terms_.set(tree.set), rest);
      case RegexTree::Kind::kStart:
        return at_start ? rest : terms_.none();
      case RegexTree::Kind::kEnd:
        return terms_.both({rest, terms_.empty()});
      case RegexTree::Kind::kLookahead: {
        const RegexId ahead = make(tree.parts.front(), terms_.any_text(), at_start);
        return terms_.both({tree.negative ? terms_.negation(ahead) : ahead, rest});
      }
      case RegexTree::Kind::kChoice: {
        std::vector<RegexId> ways;
        for (const RegexTree& part : tree.parts) ways.push_back(make(part, rest, at_start));
        return terms_.either(std::move(ways));
      }
      case RegexTree::Kind::kSequence:
        return sequence(tree, rest, at_start);
      case RegexTree::Kind::kRepeat:
        return repetition(tree, rest, at_start);
    }
    return rest;
  }

 private:
  RegexId sequence(const RegexTree& tree, RegexId rest, bool at_start) {
    size_t leading = 0;  // of no width, so that what follows them is at the start, too
    while (leading < tree.parts.size() && tree.parts[leading].zero_width()) ++leading;
    for (size_t i = tree.parts.size(); i-- > 0;) {
      rest = make(tree.parts[i], rest, at_start && i <= leading);
    }
    return rest;
  }

  RegexId repetition(const RegexTree& tree, RegexId rest, bool at_start) {
    const RegexTree& part = tree.parts.front();
    if (part.plain()) {
      const RegexId once = make(part, terms_.empty(), false);
      return terms_.concat(terms_.repeat(once, tree.min, tree.max), rest);
    }
    if (tree.max > kMaxUnrolled) {
      refuse_pattern(pattern_, "an anchor or lookahead inside a repetition is not supported");
    }
    RegexId term = rest;
    for (uint32_t i = tree.max; i-- > 0;) {
      term = make(part, term, at_start && i == 0);
      if (i >= tree.min) term = terms_.either({rest, term});
    }
    return term;
  }

  RegexTerms& terms_;
  std::string_view pattern_;
};

}  // namespace

RegexId read_regex(RegexTerms& terms, std::string_view pattern, bool whole) {
  const RegexTree tree = read_regex_tree(pattern);
  TermMaker maker(terms, pattern);
  if (whole) return maker.make(tree, terms.empty(), true);
  const RegexId at_start = maker.make(tree, terms.any_text(), true);
  const RegexId later = maker.make(tree, terms.any_text(), false);
  if (later == at_start) return terms.concat(terms.any_text(), later);
  return terms.either(
      {at_start, terms.concat(terms.any_character(), terms.concat(terms.any_text(), later))});
}

}  // namespace owl3
