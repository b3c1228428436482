// Formulas as alternatives of literals, for one kind of value at a time: a rule about another kind
// is kept by every value of this one, which leaves little of most schemas.
#include <algorithm>

#include "constraint/schema_grammar.h"

namespace owl3 {

namespace {

constexpr size_t kMaxCases = 4000;
constexpr size_t kFewCases = 200;  // that are compared with each other
constexpr int kProbeDepth = 4;

bool contradicts(const std::vector<Literal>& literals) {
  for (size_t i = 1; i < literals.size(); ++i) {
    if (literals[i].atom == literals[i - 1].atom) return true;  // positive and negative
  }
  return false;
}

}  // namespace

const SchemaGrammar::Cases& SchemaGrammar::cases(FormulaId formula, ValueKind kind) {
  const std::pair key(formula, kind);
  if (const auto found = cases_.find(key); found != cases_.end()) return found->second;
  if (std::find(making_cases_.begin(), making_cases_.end(), key) != making_cases_.end()) {
    if (probing_) throw InProgress();
    throw InputError(
        "the schema refers to itself with nothing between: a \"$ref\" leads back to it");
  }
  constexpr size_t kMaxDepth = 1000;
  if (making_cases_.size() > kMaxDepth) {
    throw InputError("the schema's references and alternatives are nested more than 1000 deep");
  }
  making_cases_.push_back(key);
  Cases made;
  try {
    made = make_cases(formula, kind);
  } catch (...) {
    making_cases_.pop_back();
    throw;
  }
  making_cases_.pop_back();
  return cases_.emplace(key, std::move(made)).first->second;
}

SchemaGrammar::Cases SchemaGrammar::make_cases(FormulaId id, ValueKind kind) {
  const Formula formula = formulas_[id];
  budget_.spend(4);
  const Cases always = {{}};
  switch (formula.kind) {
    case FormulaKind::kKinds:
      return (formula.value & bit_of(kind)) != 0 ? always : Cases{};
    case FormulaKind::kAtom: {
      const Atom& atom = formulas_.atom_at(formula.value);
      if (atom.kind != kind) return formula.negative ? Cases{} : always;
      if (formula.negative) {
        if (const std::optional<FormulaId> other = positive(atom)) return cases(*other, kind);
      }
      return {{{formula.value, formula.negative}}};
    }
    case FormulaKind::kAll: {
      Cases all = always;
      for (const FormulaId part : formula.parts) {
        all = product(all, cases(part, kind));
        if (all.empty()) break;
      }
      return all;
    }
    case FormulaKind::kAny: {
      Cases any;
      for (const FormulaId part : formula.parts) {
        const Cases& more = cases(part, kind);
        any.insert(any.end(), more.begin(), more.end());
      }
      return simplified(std::move(any));
    }
    case FormulaKind::kOneOf:
      return cases_of_one_of(formula, kind);
    case FormulaKind::kReference: {
      const FormulaId target = formulas_.target(formula.value);
      return cases(formula.negative ? formulas_.negation(target) : target, kind);
    }
  }
  return {};
}

SchemaGrammar::Cases SchemaGrammar::product(const Cases& a, const Cases& b) {
  Cases result;
  for (const Case& first : a) {
    for (const Case& second : b) {
      Case both;
      std::set_union(first.begin(), first.end(), second.begin(), second.end(),
                     std::back_inserter(both));
      budget_.spend(1 + both.size() / 4);
      if (!contradicts(both)) result.push_back(std::move(both));
    }
  }
  return simplified(std::move(result));
}

/// Each once, and none that another one covers.
SchemaGrammar::Cases SchemaGrammar::simplified(Cases cases) const {
  std::sort(cases.begin(), cases.end());
  cases.erase(std::unique(cases.begin(), cases.end()), cases.end());
  if (cases.size() > kMaxCases) {
    throw InputError(
        "the schema's alternatives (anyOf, oneOf, not) multiply to more than 4,000 cases; make it "
        "simpler");
  }
  if (cases.size() > kFewCases) return cases;
  Cases kept;
  for (size_t i = 0; i < cases.size(); ++i) {
    bool covered = false;
    for (size_t j = 0; j < cases.size() && !covered; ++j) {
      covered = i != j &&
                std::includes(cases[i].begin(), cases[i].end(), cases[j].begin(), cases[j].end());
    }
    if (!covered) kept.push_back(cases[i]);
  }
  return kept;
}

/// Exactly one: each part without those of the others that it may overlap with.
SchemaGrammar::Cases SchemaGrammar::cases_of_one_of(const Formula& formula, ValueKind kind) {
  const std::vector<FormulaId>& parts = formula.parts;
  if (formula.negative) {
    std::vector<FormulaId> none;
    std::vector<FormulaId> ways;
    for (size_t i = 0; i < parts.size(); ++i) {
      none.push_back(formulas_.negation(parts[i]));
      for (size_t j = i + 1; j < parts.size(); ++j) {
        ways.push_back(formulas_.all({parts[i], parts[j]}));
      }
    }
    ways.push_back(formulas_.all(std::move(none)));
    return cases(formulas_.any(std::move(ways)), kind);
  }
  std::vector<FormulaId> of_kind;
  for (const FormulaId part : parts) {
    if (!cases(part, kind).empty()) of_kind.push_back(part);
  }
  Cases result;
  for (size_t i = 0; i < of_kind.size(); ++i) {
    std::vector<FormulaId> alone = {of_kind[i]};
    for (size_t j = 0; j < of_kind.size(); ++j) {
      if (i == j || surely_disjoint(of_kind[i], of_kind[j], kind)) continue;
      alone.push_back(formulas_.negation(of_kind[j]));
    }
    const Cases more = cases(formulas_.all(std::move(alone)), kind);
    result.insert(result.end(), more.begin(), more.end());
  }
  return simplified(std::move(result));
}

/// What a negative literal says in positive rules; nothing where it is a rule of its own.
std::optional<FormulaId> SchemaGrammar::positive(const Atom& atom) {
  const auto outside = [](const CountLimits& limits, const auto& make) {
    std::vector<FormulaId> ways;
    if (limits.min > 0) ways.push_back(make(CountLimits{0, limits.min - 1}));
    if (limits.max != kUnlimited) ways.push_back(make(CountLimits{limits.max + 1, kUnlimited}));
    return ways;
  };
  if (const auto* rule = std::get_if<MatchRule>(&atom.rule)) {
    return formulas_.match(terms_.negation(rule->term));
  }
  if (const auto* rule = std::get_if<LengthRule>(&atom.rule)) {
    return formulas_.any(
        outside(rule->limits, [&](const CountLimits& limits) { return formulas_.length(limits); }));
  }
  if (const auto* rule = std::get_if<ItemCountRule>(&atom.rule)) {
    return formulas_.any(outside(
        rule->limits, [&](const CountLimits& limits) { return formulas_.item_count(limits); }));
  }
  if (const auto* rule = std::get_if<MemberCountRule>(&atom.rule)) {
    return formulas_.any(outside(
        rule->limits, [&](const CountLimits& limits) { return formulas_.member_count(limits); }));
  }
  if (const auto* found = std::get_if<ContainsRule>(&atom.rule)) {
    const ContainsRule rule = *found;
    return formulas_.any(outside(rule.limits, [&](const CountLimits& limits) {
      return formulas_.contains({rule.item, limits, rule.from});
    }));
  }
  if (const auto* found = std::get_if<ItemsRule>(&atom.rule)) {
    const ItemsRule rule = *found;
    std::vector<FormulaId> ways;
    std::vector<FormulaId> leading;
    for (const FormulaId item : rule.leading) {
      leading.push_back(formulas_.negation(item));
      const auto count = static_cast<uint32_t>(leading.size());
      ways.push_back(formulas_.all({formulas_.items(leading, Formulas::kAnything),
                                    formulas_.item_count({count, kUnlimited})}));
      leading.back() = Formulas::kAnything;
    }
    if (rule.others != Formulas::kAnything) {
      ways.push_back(formulas_.contains({formulas_.negation(rule.others),
                                         {1, kUnlimited},
                                         static_cast<uint32_t>(rule.leading.size())}));
    }
    return formulas_.any(std::move(ways));
  }
  if (const auto* found = std::get_if<MembersRule>(&atom.rule)) {
    const MembersRule rule = *found;
    std::vector<FormulaId> ways;
    std::vector<RegexId> told;
    for (const auto& [name, value] : rule.named) {
      told.push_back(terms_.literal(name));
      if (value == Formulas::kAnything) continue;
      MembersRule other{{{name, formulas_.negation(value)}}, {}, Formulas::kAnything};
      ways.push_back(
          formulas_.all({formulas_.required(name), formulas_.members(std::move(other))}));
    }
    for (const auto& [name, value] : rule.patterns) {
      told.push_back(name);
      if (value == Formulas::kAnything) continue;
      ways.push_back(formulas_.some_member(name, formulas_.negation(value)));
    }
    if (rule.others != Formulas::kAnything) {
      const RegexId others = terms_.negation(terms_.either(std::move(told)));
      ways.push_back(formulas_.some_member(others, formulas_.negation(rule.others)));
    }
    return formulas_.any(std::move(ways));
  }
  if (const auto* rule = std::get_if<NamesRule>(&atom.rule)) {
    return formulas_.some_member(terms_.negation(term_of(rule->name)), Formulas::kAnything);
  }
  if (const auto* found = std::get_if<SomeMemberRule>(&atom.rule)) {
    const SomeMemberRule rule = *found;
    return formulas_.members(
        {{}, {{rule.name, formulas_.negation(rule.value)}}, Formulas::kAnything});
  }
  return std::nullopt;
}

bool SchemaGrammar::surely_disjoint(FormulaId a, FormulaId b, ValueKind kind) {
  if (a == b) return false;
  const bool before = probing_;
  probing_ = true;
  bool disjoint = false;
  try {
    if (kind == ValueKind::kNumber) {
      disjoint = numbers(formulas_.all({a, b})).empty();
    } else {
      const Cases both = cases(formulas_.all({a, b}), kind);
      disjoint = std::all_of(both.begin(), both.end(), [&](const Case& each) {
        return surely_empty(each, kind, kProbeDepth);
      });
    }
  } catch (const InProgress&) {
    disjoint = false;
  } catch (...) {
    probing_ = before;
    throw;
  }
  probing_ = before;
  return disjoint;
}

bool SchemaGrammar::surely_empty(const Case& literals, ValueKind kind, int depth) {
  budget_.spend(4);
  const auto crossed = [](const CountLimits& limits) { return limits.min > limits.max; };
  if (kind == ValueKind::kString) {
    const TextShape text = text_of(literals);
    return crossed(text.length) || !text.automaton->matches_within(
                                       text.automaton->start(), text.length.min, text.length.max);
  }
  if (kind == ValueKind::kArray) {
    const ArrayShape& shape = *array_shapes_[array_shape(literals)];
    if (crossed(shape.count)) return true;
    const auto told = static_cast<uint32_t>(shape.leading.size());
    for (uint32_t i = 0; i < std::min(shape.count.min, told + 1); ++i) {
      if (surely_empty(shape.item(i), depth - 1)) return true;
    }
    return false;
  }
  if (kind == ValueKind::kObject) {
    const ObjectShape& shape = *object_shapes_[object_shape(literals)];
    if (crossed(shape.count)) return true;
    uint32_t required = 0;
    for (const ObjectShape::Named& named : shape.named) {
      if (!named.required) continue;
      ++required;
      if (named.forbidden || surely_empty(named.value, depth - 1)) return true;
    }
    return required > shape.count.max;
  }
  return false;
}

bool SchemaGrammar::surely_empty(FormulaId formula, int depth) {
  if (formula == Formulas::kNothing) return true;
  if (depth <= 0) return false;
  for (const ValueKind kind : {ValueKind::kNull, ValueKind::kFalse, ValueKind::kTrue}) {
    if (holds(formula, kind)) return false;
  }
  if (!numbers(formula).empty()) return false;
  for (const ValueKind kind : {ValueKind::kString, ValueKind::kArray, ValueKind::kObject}) {
    const Cases all = cases(formula, kind);
    const bool empty = std::all_of(
        all.begin(), all.end(), [&](const Case& each) { return surely_empty(each, kind, depth); });
    if (!empty) return false;
  }
  return true;
}

}  // namespace owl3
