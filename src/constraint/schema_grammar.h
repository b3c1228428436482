// What a formula accepts, kind by kind: alternatives of simple shapes (a normal form), of which the
// walk over an answer needs to know one thing at every step: whether what was written can still be
// completed. Nothing is worked out before it is asked for.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "constraint/formula.h"
#include "constraint/least_fixed_point.h"
#include "constraint/number_automaton.h"
#include "constraint/text_automaton.h"

namespace owl3 {

/// Strings of such a length that the automaton accepts.
struct TextShape {
  TextAutomaton* automaton = nullptr;
  CountLimits length;
};

struct ArrayShape {
  std::vector<FormulaId> leading;
  FormulaId others = Formulas::kAnything;
  CountLimits count;
  std::vector<ContainsRule> contains;

  FormulaId item(uint32_t index) const { return index < leading.size() ? leading[index] : others; }
};

struct ObjectShape {
  struct Named {
    std::string name;
    FormulaId value = Formulas::kAnything;
    bool required = false;
    bool forbidden = false;
    MatchBits matches = 0;  // of the patterns
  };
  struct Some {
    size_t pattern = 0;
    FormulaId value = Formulas::kAnything;
  };
  std::vector<Named> named;  // by name
  std::vector<MembersRule> rules;
  std::vector<RegexId> patterns;
  std::unique_ptr<TextAutomaton> names;  // follows the patterns
  std::vector<Some> somes;
  CountLimits count;
  std::map<MatchBits, FormulaId> values{};  // of other names, by what they match
  std::map<std::vector<bool>, std::vector<uint64_t>> counts{};  // of names, by states accepted
};

/// Between two items of an array, or between two members of an object.
using PositionId = uint32_t;

struct ItemChoice {
  FormulaId item = 0;
  PositionId next = 0;
};
/// What may come as a member's name: these of the shape's, and others as far as they are counted.
struct NameChoices {
  std::vector<uint32_t> named;
  const std::vector<uint64_t>* others = nullptr;  // how many, by the state of ObjectShape::names
  std::vector<bool> accepted;                     // by that state
  bool any() const { return any_other || !named.empty(); }
  bool any_other = false;
};

class SchemaGrammar {
 public:
  explicit SchemaGrammar(WorkBudget& budget);
  SchemaGrammar(const SchemaGrammar&) = delete;
  SchemaGrammar& operator=(const SchemaGrammar&) = delete;

  RegexTerms& terms() { return terms_; }
  Formulas& formulas() { return formulas_; }

  /// Whether there is any value that the formula accepts.
  bool inhabited(FormulaId formula);
  /// Looks at all that may come in an answer, so that what is too intricate is refused now.
  void explore(FormulaId formula);

  /// Of kNull, kFalse and kTrue.
  bool holds(FormulaId formula, ValueKind kind) { return !cases(formula, kind).empty(); }
  const std::vector<TextShape>& texts(FormulaId formula);
  const NumberAutomaton& numbers(FormulaId formula);
  /// Where arrays or objects of the formula may begin; those that can be completed.
  const std::vector<PositionId>& openings(FormulaId formula, ValueKind kind);

  bool array_may_end(PositionId position) const;
  const std::vector<ItemChoice>& item_choices(PositionId position);

  const ObjectShape& object_shape(PositionId position) const;
  bool object_may_end(PositionId position) const;
  const NameChoices& name_choices(PositionId position);
  /// What may stand behind this name, which is not among those seen. `named` is its number in the
  /// shape, or nothing; `names_state` where the shape's automaton is behind it.
  std::vector<ItemChoice> member_choices(PositionId position, std::optional<uint32_t> named,
                                         uint32_t names_state, std::string_view name);
  /// Other names than the shape's that came already; sorted.
  std::vector<std::string_view> other_names(PositionId position) const;

  size_t positions() const { return arrays_.size() + objects_.size(); }

 private:
  using Case = std::vector<Literal>;  // all of them hold; sorted
  using Cases = std::vector<Case>;
  struct InProgress {};  // thrown by probes that meet what is being worked out

  struct ArrayPosition {
    uint32_t shape = 0;
    uint32_t index = 0;
    std::vector<uint32_t> found{};  // by ArrayShape::contains
    auto operator<=>(const ArrayPosition&) const = default;
  };
  struct ObjectPosition {
    uint32_t shape = 0;
    std::vector<bool> seen{};        // by ObjectShape::named
    std::vector<uint32_t> others{};  // other names, sorted
    uint32_t missing_somes = 0;      // a bit each
    uint32_t count() const;
    auto operator<=>(const ObjectPosition&) const = default;
  };

  // cases.cpp
  const Cases& cases(FormulaId formula, ValueKind kind);
  Cases make_cases(FormulaId formula, ValueKind kind);
  Cases cases_of_one_of(const Formula& formula, ValueKind kind);
  Cases product(const Cases& a, const Cases& b);
  Cases simplified(Cases cases) const;
  std::optional<FormulaId> positive(const Atom& atom);
  bool surely_empty(const Case& literals, ValueKind kind, int depth);
  bool surely_empty(FormulaId formula, int depth);
  bool surely_disjoint(FormulaId a, FormulaId b, ValueKind kind);

  // shapes.cpp
  RegexId term_of(FormulaId formula);
  bool speaks_of_length(FormulaId formula);
  std::vector<TextShape> make_texts(FormulaId formula);
  TextShape text_of(const Case& literals);
  TextAutomaton* automaton(RegexId term);
  std::unique_ptr<NumberAutomaton> make_numbers(FormulaId formula);
  FormulaId numbers_alike(FormulaId formula);
  void collect_numbers(FormulaId formula, std::vector<uint32_t>& atoms);
  Verdict number_verdict(FormulaId formula, const std::vector<Verdict>& by_atom);
  FormulaId unreferenced(FormulaId formula);
  uint32_t array_shape(const Case& literals);
  uint32_t object_shape(const Case& literals);
  void finish_object(ObjectShape& shape);
  FormulaId member_value(const ObjectShape& shape, const std::string* name, MatchBits matches);

  // positions.cpp
  bool some_value(FormulaId formula);
  PositionId array_opening(const Case& literals);
  PositionId object_opening(const Case& literals);
  PositionId array_position(ArrayPosition position);
  bool array_completable(PositionId position);
  std::vector<ItemChoice> all_item_choices(const ArrayPosition& position);
  bool has_enough_items(const ArrayPosition& position);
  PositionId object_position(ObjectPosition position);
  bool object_completable(PositionId position);
  bool has_enough_members(const ObjectPosition& position);
  std::vector<ItemChoice> all_member_choices(const ObjectPosition& position,
                                             std::optional<uint32_t> named, MatchBits matches,
                                             uint32_t other);
  bool can_find(const ObjectPosition& position, size_t some);
  std::optional<uint32_t> fresh_name(const ObjectPosition& position, MatchBits matches);
  FormulaId other_value(ObjectShape& shape, MatchBits matches);
  NameChoices make_name_choices(PositionId position);
  uint32_t name_number(std::string_view name);
  uint64_t count_other_names(const ObjectPosition& position);
  MatchBits matches_of(const ObjectShape& shape, std::string_view name) const;
  const std::vector<uint64_t>& other_counts(ObjectShape& shape, const std::vector<bool>& accepted);

  WorkBudget& budget_;
  RegexTerms terms_;
  Formulas formulas_;

  std::map<std::pair<FormulaId, ValueKind>, Cases> cases_;
  std::vector<std::pair<FormulaId, ValueKind>> making_cases_;
  bool probing_ = false;
  std::vector<uint32_t> resolving_;  // references

  std::map<RegexId, std::unique_ptr<TextAutomaton>> automata_;
  std::map<FormulaId, std::vector<TextShape>> texts_;
  std::map<FormulaId, std::unique_ptr<NumberAutomaton>> numbers_;
  std::unordered_map<FormulaId, FormulaId> numbers_alike_;
  std::map<std::pair<FormulaId, ValueKind>, std::vector<PositionId>> openings_;

  std::map<Case, uint32_t> array_numbers_;
  std::vector<std::unique_ptr<ArrayShape>> array_shapes_;
  std::map<Case, uint32_t> object_numbers_;
  std::vector<std::unique_ptr<ObjectShape>> object_shapes_;

  std::map<ArrayPosition, PositionId> array_positions_;
  std::vector<ArrayPosition> arrays_;
  std::map<ObjectPosition, PositionId> object_positions_;
  std::vector<ObjectPosition> objects_;
  std::unordered_map<PositionId, std::vector<ItemChoice>> item_choices_;
  std::unordered_map<PositionId, NameChoices> name_choices_;
  std::unordered_map<std::string, uint32_t> name_numbers_;
  std::vector<const std::string*> names_;

  LeastFixedPoint asked_;
};

}  // namespace owl3
