// A schema as a formula over rules that each speak about values of one kind: and, or, not, exactly
// one of. Formulas are numbered and equal ones have equal numbers, so that recursive schemas are
// finitely many.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "constraint/number_rules.h"
#include "constraint/regex.h"
#include "constraint/work_budget.h"

namespace owl3 {

using FormulaId = uint32_t;

enum class ValueKind : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };
inline constexpr uint32_t kAllKinds = 0x7F;
constexpr uint32_t bit_of(ValueKind kind) {
  return 1u << static_cast<unsigned>(kind);
}

struct CountLimits {
  uint32_t min = 0;
  uint32_t max = kUnlimited;
};

/// A string matches the term.
struct MatchRule {
  RegexId term = 0;
};
/// A string's characters.
struct LengthRule {
  CountLimits limits;
};
struct NumberFact {
  std::shared_ptr<const NumberRule> rule;
};
/// The leading items, and all others.
struct ItemsRule {
  std::vector<FormulaId> leading;
  FormulaId others = 0;
};
struct ItemCountRule {
  CountLimits limits;
};
/// So many of the items from `from` on are such.
struct ContainsRule {
  FormulaId item = 0;
  CountLimits limits;
  uint32_t from = 0;
};
/// What the values of properties are: by name, by patterns of names (all that match), others.
struct MembersRule {
  std::vector<std::pair<std::string, FormulaId>> named;
  std::vector<std::pair<RegexId, FormulaId>> patterns;
  FormulaId others = 0;
};
struct RequiredRule {
  std::string name;
};
struct MemberCountRule {
  CountLimits limits;
};
/// All names are strings that the formula accepts.
struct NamesRule {
  FormulaId name = 0;
};
/// Some property has a name that matches and such a value.
struct SomeMemberRule {
  RegexId name = 0;
  FormulaId value = 0;
};

using Rule = std::variant<MatchRule, LengthRule, NumberFact, ItemsRule, ItemCountRule, ContainsRule,
                          MembersRule, RequiredRule, MemberCountRule, NamesRule, SomeMemberRule>;

/// A rule, for values of one kind; others keep it.
struct Atom {
  ValueKind kind;
  Rule rule;
};

/// An atom, or what contradicts it: a value of that kind which doesn't keep it.
struct Literal {
  uint32_t atom = 0;
  bool negative = false;
  auto operator<=>(const Literal&) const = default;
};

enum class FormulaKind : uint8_t { kKinds, kAtom, kAll, kAny, kOneOf, kReference };

struct Formula {
  FormulaKind kind = FormulaKind::kKinds;
  bool negative = false;           // of kAtom, kOneOf, kReference
  uint32_t value = 0;              // kinds, atom, reference
  std::vector<FormulaId> parts{};  // of kAll, kAny, kOneOf
};

class Formulas {
 public:
  explicit Formulas(WorkBudget& budget);
  /// Of the integers that are asked for from here on.
  void write_integers(IntegerTexts texts) { integers_ = texts; }

  static constexpr FormulaId kNothing = 0;
  static constexpr FormulaId kAnything = 1;

  FormulaId kinds(uint32_t mask);
  FormulaId kind(ValueKind kind) { return kinds(bit_of(kind)); }
  FormulaId all(std::vector<FormulaId> parts);
  FormulaId any(std::vector<FormulaId> parts);
  FormulaId one_of(std::vector<FormulaId> parts);
  FormulaId negation(FormulaId formula);
  // Rules, each for values of its kind.
  FormulaId match(RegexId term);
  FormulaId length(const CountLimits& limits);
  FormulaId integer();
  FormulaId compared(Comparison comparison, const Decimal& bound);
  FormulaId equal_to_any(std::vector<Decimal> numbers);
  FormulaId multiple_of(const Decimal& divisor);
  FormulaId items(std::vector<FormulaId> leading, FormulaId others);
  FormulaId item_count(const CountLimits& limits);
  FormulaId contains(const ContainsRule& rule);
  FormulaId members(MembersRule rule);
  FormulaId required(const std::string& name);
  FormulaId member_count(const CountLimits& limits);
  FormulaId names(FormulaId name);
  FormulaId some_member(RegexId name, FormulaId value);

  /// A place for a formula that is made later.
  uint32_t new_reference();
  void resolve(uint32_t reference, FormulaId formula) { references_[reference] = formula; }
  FormulaId reference(uint32_t reference, bool negative = false);
  FormulaId target(uint32_t reference) const { return references_[reference]; }

  const Formula& operator[](FormulaId id) const { return formulas_[id]; }
  const Atom& atom_at(uint32_t number) const { return atoms_[number]; }
  size_t size() const { return formulas_.size(); }

 private:
  FormulaId add(Formula formula);
  /// `key` tells the rule from others; the same key, the same atom.
  FormulaId atom(ValueKind kind, const std::string& key, Rule rule);
  FormulaId combine(FormulaKind kind, std::vector<FormulaId> parts);

  WorkBudget& budget_;
  IntegerTexts integers_ = IntegerTexts::kAny;
  // Deques: a rule that is being read stays where it is while others are made of it.
  std::deque<Formula> formulas_;
  std::unordered_multimap<uint64_t, FormulaId> known_;
  std::deque<Atom> atoms_;
  std::unordered_map<std::string, uint32_t> atom_numbers_;
  std::vector<FormulaId> references_;
};

}  // namespace owl3
