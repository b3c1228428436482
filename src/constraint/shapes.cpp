// The shapes behind a formula's cases: automata of strings and numbers, what arrays and objects of
// one case consist of.
#include <algorithm>

#include "constraint/schema_grammar.h"

namespace owl3 {

namespace {

void narrow(CountLimits& limits, const CountLimits& other) {
  limits.min = std::max(limits.min, other.min);
  limits.max = std::min(limits.max, other.max);
}

}  // namespace

SchemaGrammar::SchemaGrammar(WorkBudget& budget)
    : budget_(budget), terms_(budget), formulas_(budget) {}

/// What a chain of references leads to.
FormulaId SchemaGrammar::unreferenced(FormulaId formula) {
  for (size_t steps = 0; formulas_[formula].kind == FormulaKind::kReference; ++steps) {
    const Formula& reference = formulas_[formula];
    const bool negative = reference.negative;
    formula = formulas_.target(reference.value);
    if (negative) formula = formulas_.negation(formula);
    if (steps > formulas_.size()) {
      throw InputError(
          "the schema refers to itself with nothing between: a \"$ref\" leads back to it");
    }
  }
  return formula;
}

TextAutomaton* SchemaGrammar::automaton(RegexId term) {
  std::unique_ptr<TextAutomaton>& made = automata_[term];
  if (made == nullptr) made = std::make_unique<TextAutomaton>(terms_, term, budget_);
  return made.get();
}

bool SchemaGrammar::speaks_of_length(FormulaId id) {
  const Formula formula = formulas_[unreferenced(id)];
  budget_.spend(1);
  if (formula.kind == FormulaKind::kAtom) {
    return std::holds_alternative<LengthRule>(formulas_.atom_at(formula.value).rule);
  }
  if (resolving_.size() > 400) throw InputError("the schema's alternatives are nested too deep");
  resolving_.push_back(id);
  const bool speaks = std::any_of(formula.parts.begin(), formula.parts.end(),
                                  [&](FormulaId part) { return speaks_of_length(part); });
  resolving_.pop_back();
  return speaks;
}

/// The strings of a formula as one term.
RegexId SchemaGrammar::term_of(FormulaId id) {
  const Formula formula = formulas_[unreferenced(id)];
  budget_.spend(1);
  std::vector<RegexId> parts;
  if (resolving_.size() > 400) throw InputError("the schema's alternatives are nested too deep");
  resolving_.push_back(id);
  for (const FormulaId part : formula.parts) parts.push_back(term_of(part));
  resolving_.pop_back();
  const auto signed_term = [&](RegexId term) {
    return formula.negative ? terms_.negation(term) : term;
  };
  switch (formula.kind) {
    case FormulaKind::kKinds:
      return (formula.value & bit_of(ValueKind::kString)) != 0 ? terms_.any_text() : terms_.none();
    case FormulaKind::kAtom: {
      const Rule& rule = formulas_.atom_at(formula.value).rule;
      if (const auto* match = std::get_if<MatchRule>(&rule)) return signed_term(match->term);
      if (const auto* length = std::get_if<LengthRule>(&rule)) {
        return signed_term(
            terms_.repeat(terms_.any_character(), length->limits.min, length->limits.max));
      }
      return signed_term(terms_.any_text());
    }
    case FormulaKind::kAll:
      return terms_.both(std::move(parts));
    case FormulaKind::kAny:
      return terms_.either(std::move(parts));
    case FormulaKind::kOneOf: {
      std::vector<RegexId> ways;
      for (size_t i = 0; i < parts.size(); ++i) {
        std::vector<RegexId> others = parts;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
        ways.push_back(terms_.both({parts[i], terms_.negation(terms_.either(std::move(others)))}));
      }
      return signed_term(terms_.either(std::move(ways)));
    }
    case FormulaKind::kReference:
      break;
  }
  return terms_.none();
}

TextShape SchemaGrammar::text_of(const Case& literals) {
  TextShape text;
  std::vector<RegexId> terms;
  for (const Literal& literal : literals) {
    const Rule& rule = formulas_.atom_at(literal.atom).rule;
    if (const auto* match = std::get_if<MatchRule>(&rule)) terms.push_back(match->term);
    if (const auto* length = std::get_if<LengthRule>(&rule)) narrow(text.length, length->limits);
  }
  text.automaton = automaton(terms_.both(std::move(terms)));
  return text;
}

std::vector<TextShape> SchemaGrammar::make_texts(FormulaId formula) {
  std::vector<TextShape> texts;
  const auto add = [&](TextAutomaton* automaton, const CountLimits& length) {
    if (automaton->matches_within(automaton->start(), length.min, length.max)) {
      texts.push_back({automaton, length});
    }
  };
  if (!speaks_of_length(formula)) {
    add(automaton(term_of(formula)), {});
    return texts;
  }
  std::map<std::pair<uint32_t, uint32_t>, std::vector<RegexId>> by_length;
  for (const Case& literals : cases(formula, ValueKind::kString)) {
    CountLimits length;
    std::vector<RegexId> terms;
    for (const Literal& literal : literals) {
      const Rule& rule = formulas_.atom_at(literal.atom).rule;
      if (const auto* match = std::get_if<MatchRule>(&rule)) terms.push_back(match->term);
      if (const auto* limits = std::get_if<LengthRule>(&rule)) narrow(length, limits->limits);
    }
    by_length[{length.min, length.max}].push_back(terms_.both(std::move(terms)));
  }
  for (auto& [length, terms] : by_length) {
    add(automaton(terms_.either(std::move(terms))), {length.first, length.second});
  }
  return texts;
}

const std::vector<TextShape>& SchemaGrammar::texts(FormulaId formula) {
  const auto found = texts_.find(formula);
  if (found != texts_.end()) return found->second;
  return texts_.emplace(formula, make_texts(formula)).first->second;
}

// Numbers.

void SchemaGrammar::collect_numbers(FormulaId id, std::vector<uint32_t>& atoms) {
  const Formula formula = formulas_[unreferenced(id)];
  budget_.spend(1);
  if (formula.kind == FormulaKind::kAtom &&
      formulas_.atom_at(formula.value).kind == ValueKind::kNumber) {
    if (std::find(atoms.begin(), atoms.end(), formula.value) == atoms.end()) {
      atoms.push_back(formula.value);
    }
  }
  if (resolving_.size() > 400) {
    throw InputError("the schema refers to itself with nothing between, or is nested too deep");
  }
  resolving_.push_back(id);
  for (const FormulaId part : formula.parts) collect_numbers(part, atoms);
  resolving_.pop_back();
}

/// By Kleene's logic of three values. `by_atom` has a place for every atom.
Verdict SchemaGrammar::number_verdict(FormulaId id, const std::vector<Verdict>& by_atom) {
  const Formula& formula = formulas_[unreferenced(id)];
  budget_.spend(1);
  const auto negated = [&](Verdict verdict) {
    if (!formula.negative || verdict == Verdict::kUnknown) return verdict;
    return verdict == Verdict::kYes ? Verdict::kNo : Verdict::kYes;
  };
  size_t yes = 0;
  size_t unknown = 0;
  for (const FormulaId part : formula.parts) {
    const Verdict verdict = number_verdict(part, by_atom);
    yes += verdict == Verdict::kYes ? 1 : 0;
    unknown += verdict == Verdict::kUnknown ? 1 : 0;
  }
  const size_t no = formula.parts.size() - yes - unknown;
  switch (formula.kind) {
    case FormulaKind::kKinds:
      return (formula.value & bit_of(ValueKind::kNumber)) != 0 ? Verdict::kYes : Verdict::kNo;
    case FormulaKind::kAtom:
      if (formulas_.atom_at(formula.value).kind != ValueKind::kNumber) {
        return negated(Verdict::kYes);
      }
      return negated(by_atom[formula.value]);
    case FormulaKind::kAll:
      return no > 0 ? Verdict::kNo : unknown > 0 ? Verdict::kUnknown : Verdict::kYes;
    case FormulaKind::kAny:
      return yes > 0 ? Verdict::kYes : unknown > 0 ? Verdict::kUnknown : Verdict::kNo;
    case FormulaKind::kOneOf:
      if (yes > 1) return negated(Verdict::kNo);
      if (unknown > 0) return Verdict::kUnknown;
      return negated(yes == 1 ? Verdict::kYes : Verdict::kNo);
    case FormulaKind::kReference:
      break;
  }
  return Verdict::kUnknown;
}

std::unique_ptr<NumberAutomaton> SchemaGrammar::make_numbers(FormulaId formula) {
  std::vector<uint32_t> atoms;
  collect_numbers(formula, atoms);
  std::vector<const NumberRule*> rules;
  for (const uint32_t atom : atoms) {
    rules.push_back(std::get<NumberFact>(formulas_.atom_at(atom).rule).rule.get());
  }
  std::vector<Verdict> by_atom(atoms.empty() ? 0
                                             : *std::max_element(atoms.begin(), atoms.end()) + 1);
  const auto decide = [&](const std::vector<Verdict>& verdicts) {
    budget_.spend(1 + verdicts.size() / 2);
    for (size_t i = 0; i < atoms.size(); ++i) by_atom[atoms[i]] = verdicts[i];
    return number_verdict(formula, by_atom);
  };
  return std::make_unique<NumberAutomaton>(rules, decide, budget_);
}

const NumberAutomaton& SchemaGrammar::numbers(FormulaId formula) {
  // What says nothing of numbers in particular is one of two.
  const FormulaId plain = numbers_alike(formula);
  const auto found = numbers_.find(plain);
  if (found != numbers_.end()) return *found->second;
  return *numbers_.emplace(plain, make_numbers(plain)).first->second;
}

/// kNothing or kAnything, where the formula accepts no number or all; else itself.
FormulaId SchemaGrammar::numbers_alike(FormulaId formula) {
  const auto known = numbers_alike_.find(formula);
  if (known != numbers_alike_.end()) return known->second;
  std::vector<uint32_t> atoms;
  collect_numbers(formula, atoms);
  const size_t last = atoms.empty() ? 0 : *std::max_element(atoms.begin(), atoms.end()) + 1;
  const Verdict verdict = number_verdict(formula, std::vector<Verdict>(last, Verdict::kUnknown));
  const FormulaId alike = verdict == Verdict::kNo    ? Formulas::kNothing
                          : verdict == Verdict::kYes ? Formulas::kAnything
                                                     : formula;
  return numbers_alike_[formula] = alike;
}

// Arrays and objects.

uint32_t SchemaGrammar::array_shape(const Case& literals) {
  const auto [found, is_new] =
      array_numbers_.emplace(literals, static_cast<uint32_t>(array_shapes_.size()));
  if (!is_new) return found->second;
  auto shape = std::make_unique<ArrayShape>();
  std::vector<const ItemsRule*> rules;
  size_t leading = 0;
  for (const Literal& literal : literals) {
    const Rule& rule = formulas_.atom_at(literal.atom).rule;
    if (const auto* items = std::get_if<ItemsRule>(&rule)) {
      rules.push_back(items);
      leading = std::max(leading, items->leading.size());
    }
    if (const auto* count = std::get_if<ItemCountRule>(&rule)) narrow(shape->count, count->limits);
    if (const auto* contains = std::get_if<ContainsRule>(&rule)) {
      if (contains->limits.min > 0 || contains->limits.max != kUnlimited) {
        shape->contains.push_back(*contains);
      }
    }
  }
  const auto item = [&](size_t index) {
    std::vector<FormulaId> parts;
    for (const ItemsRule* rule : rules) {
      parts.push_back(index < rule->leading.size() ? rule->leading[index] : rule->others);
    }
    return formulas_.all(std::move(parts));
  };
  for (size_t i = 0; i < leading; ++i) shape->leading.push_back(item(i));
  shape->others = item(leading);
  budget_.spend(4 + leading);
  array_shapes_.push_back(std::move(shape));
  return found->second;
}

uint32_t SchemaGrammar::object_shape(const Case& literals) {
  const auto known = object_numbers_.find(literals);
  if (known != object_numbers_.end()) return known->second;
  auto shape = std::make_unique<ObjectShape>();
  std::map<std::string, ObjectShape::Named> named;
  const auto pattern_number = [&](RegexId term) {
    const auto found = std::find(shape->patterns.begin(), shape->patterns.end(), term);
    if (found == shape->patterns.end()) {
      shape->patterns.push_back(term);
      return shape->patterns.size() - 1;
    }
    return static_cast<size_t>(found - shape->patterns.begin());
  };
  for (const Literal& literal : literals) {
    const Rule rule = formulas_.atom_at(literal.atom).rule;
    if (const auto* members = std::get_if<MembersRule>(&rule)) {
      for (const auto& [name, value] : members->named) named[name].name = name;
      for (const auto& [term, value] : members->patterns) pattern_number(term);
      shape->rules.push_back(*members);
    } else if (const auto* required = std::get_if<RequiredRule>(&rule)) {
      ObjectShape::Named& entry = named[required->name];
      entry.name = required->name;
      (literal.negative ? entry.forbidden : entry.required) = true;
    } else if (const auto* count = std::get_if<MemberCountRule>(&rule)) {
      narrow(shape->count, count->limits);
    } else if (const auto* names = std::get_if<NamesRule>(&rule)) {
      const RegexId others = terms_.negation(term_of(names->name));
      pattern_number(others);
      shape->rules.push_back({{}, {{others, Formulas::kNothing}}, Formulas::kAnything});
    } else if (const auto* some = std::get_if<SomeMemberRule>(&rule)) {
      shape->somes.push_back({pattern_number(some->name), some->value});
    }
    budget_.spend(4);
  }
  constexpr size_t kMaxSomes = 12;
  if (shape->somes.size() > kMaxSomes) {
    throw InputError("the schema asks for more than 12 kinds of properties that must be there");
  }
  for (auto& [name, entry] : named) shape->named.push_back(std::move(entry));
  finish_object(*shape);
  const auto number = static_cast<uint32_t>(object_shapes_.size());
  object_shapes_.push_back(std::move(shape));
  object_numbers_.emplace(literals, number);
  return number;
}

void SchemaGrammar::finish_object(ObjectShape& shape) {
  shape.names = std::make_unique<TextAutomaton>(terms_, shape.patterns, budget_);
  for (ObjectShape::Named& named : shape.named) {
    named.matches = matches_of(shape, named.name);
    named.value =
        named.forbidden ? Formulas::kNothing : member_value(shape, &named.name, named.matches);
  }
}

/// What all rules say of a member's value; `name` where it is one that some rule tells.
FormulaId SchemaGrammar::member_value(const ObjectShape& shape, const std::string* name,
                                      MatchBits matches) {
  std::vector<FormulaId> parts;
  for (const MembersRule& rule : shape.rules) {
    bool told = false;
    const auto tell = [&](FormulaId value) {
      parts.push_back(value);
      told = true;
    };
    if (name != nullptr) {
      for (const auto& [other, value] : rule.named) {
        if (other == *name) tell(value);
      }
    }
    for (const auto& [term, value] : rule.patterns) {
      const auto found = std::find(shape.patterns.begin(), shape.patterns.end(), term);
      if ((matches >> (found - shape.patterns.begin()) & 1) != 0) tell(value);
    }
    if (!told) parts.push_back(rule.others);
    budget_.spend(1 + rule.named.size() / 8);
  }
  return formulas_.all(std::move(parts));
}

}  // namespace owl3
