#include "constraint/formula.h"

#include <algorithm>
#include <map>

namespace owl3 {

namespace {

std::string key_of(const char* what, const CountLimits& limits) {
  return fmt::format("{} {} {}", what, limits.min, limits.max);
}

}  // namespace

Formulas::Formulas(WorkBudget& budget) : budget_(budget) {
  add({FormulaKind::kKinds, false, 0});
  add({FormulaKind::kKinds, false, kAllKinds});
}

FormulaId Formulas::add(Formula formula) {
  uint64_t hash = static_cast<uint64_t>(formula.kind) * 4 + (formula.negative ? 1 : 0);
  const auto mix = [&](uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u + (hash >> 31);
  };
  mix(formula.value);
  for (const FormulaId part : formula.parts) mix(part);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto found = begin; found != end; ++found) {
    const Formula& other = formulas_[found->second];
    if (other.kind == formula.kind && other.negative == formula.negative &&
        other.value == formula.value && other.parts == formula.parts) {
      return found->second;
    }
  }
  budget_.spend(8 + formula.parts.size());
  const auto id = static_cast<FormulaId>(formulas_.size());
  formulas_.push_back(std::move(formula));
  known_.emplace(hash, id);
  return id;
}

FormulaId Formulas::kinds(uint32_t mask) {
  return add({FormulaKind::kKinds, false, mask & kAllKinds});
}

/// Flat, sorted, each part once; kinds that are told several times in one part.
FormulaId Formulas::combine(FormulaKind kind, std::vector<FormulaId> parts) {
  const bool is_all = kind == FormulaKind::kAll;
  const FormulaId absorbing = is_all ? kNothing : kAnything;
  uint32_t mask = is_all ? kAllKinds : 0;
  std::vector<FormulaId> flat;
  const auto take = [&](FormulaId part) {
    const Formula& formula = formulas_[part];
    if (formula.kind == FormulaKind::kKinds) {
      mask = is_all ? mask & formula.value : mask | formula.value;
    } else {
      flat.push_back(part);
    }
  };
  for (const FormulaId part : parts) {
    if (formulas_[part].kind == kind) {
      const std::vector<FormulaId> inner = formulas_[part].parts;
      for (const FormulaId each : inner) take(each);
    } else {
      take(part);
    }
  }
  const FormulaId of_kinds = kinds(mask);
  if (of_kinds == absorbing) return absorbing;
  if (of_kinds != (is_all ? kAnything : kNothing)) flat.push_back(of_kinds);
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  if (flat.empty()) return is_all ? kAnything : kNothing;
  if (flat.size() == 1) return flat.front();
  return add({kind, false, 0, std::move(flat)});
}

FormulaId Formulas::all(std::vector<FormulaId> parts) {
  return combine(FormulaKind::kAll, std::move(parts));
}

FormulaId Formulas::any(std::vector<FormulaId> parts) {
  return combine(FormulaKind::kAny, std::move(parts));
}

FormulaId Formulas::one_of(std::vector<FormulaId> parts) {
  std::erase(parts, kNothing);
  if (parts.empty()) return kNothing;
  if (parts.size() == 1) return parts.front();
  std::sort(parts.begin(), parts.end());
  return add({FormulaKind::kOneOf, false, 0, std::move(parts)});
}

FormulaId Formulas::negation(FormulaId formula) {
  Formula node = formulas_[formula];
  budget_.spend(1);
  switch (node.kind) {
    case FormulaKind::kKinds:
      return kinds(~node.value);
    case FormulaKind::kAtom:
    case FormulaKind::kOneOf:
    case FormulaKind::kReference:
      node.negative = !node.negative;
      return add(std::move(node));
    case FormulaKind::kAll:
    case FormulaKind::kAny: {
      for (FormulaId& part : node.parts) part = negation(part);
      return node.kind == FormulaKind::kAll ? any(std::move(node.parts))
                                            : all(std::move(node.parts));
    }
  }
  return kNothing;
}

FormulaId Formulas::atom(ValueKind kind, const std::string& key, Rule rule) {
  const auto [found, is_new] = atom_numbers_.emplace(key, static_cast<uint32_t>(atoms_.size()));
  if (is_new) {
    budget_.spend(8 + key.size() / 16);
    atoms_.push_back({kind, std::move(rule)});
  }
  return add({FormulaKind::kAtom, false, found->second});
}

FormulaId Formulas::match(RegexId term) {
  return atom(ValueKind::kString, fmt::format("match {}", term), MatchRule{term});
}

FormulaId Formulas::length(const CountLimits& limits) {
  return atom(ValueKind::kString, key_of("length", limits), LengthRule{limits});
}

FormulaId Formulas::integer() {
  return atom(ValueKind::kNumber, "integer", NumberFact{make_integer_rule(integers_)});
}

FormulaId Formulas::compared(Comparison comparison, const Decimal& bound) {
  return atom(ValueKind::kNumber,
              fmt::format("compare {} {}", static_cast<int>(comparison), bound.text()),
              NumberFact{make_comparison(comparison, bound)});
}

FormulaId Formulas::equal_to_any(std::vector<Decimal> numbers) {
  std::map<std::string, Decimal> by_text;
  for (Decimal& number : numbers) by_text.emplace(number.text(), std::move(number));
  numbers.clear();
  std::string key = "among";
  for (const auto& [text, number] : by_text) {
    key += " " + text;
    numbers.push_back(number);
  }
  const auto known = atom_numbers_.find(key);
  NumberFact fact;
  if (known == atom_numbers_.end()) fact.rule = make_set_rule(numbers, budget_);
  return atom(ValueKind::kNumber, key, std::move(fact));
}

FormulaId Formulas::multiple_of(const Decimal& divisor) {
  return atom(ValueKind::kNumber, "multiple " + divisor.text(),
              NumberFact{make_multiple_rule(divisor)});
}

FormulaId Formulas::items(std::vector<FormulaId> leading, FormulaId others) {
  std::string key = fmt::format("items {}", others);
  for (const FormulaId item : leading) key += fmt::format(" {}", item);
  return atom(ValueKind::kArray, key, ItemsRule{std::move(leading), others});
}

FormulaId Formulas::item_count(const CountLimits& limits) {
  return atom(ValueKind::kArray, key_of("item count", limits), ItemCountRule{limits});
}

FormulaId Formulas::contains(const ContainsRule& rule) {
  const std::string key = key_of("contains", rule.limits);
  return atom(ValueKind::kArray, fmt::format("{} {} {}", key, rule.item, rule.from), rule);
}

FormulaId Formulas::members(MembersRule rule) {
  std::string key = fmt::format("members {}", rule.others);
  for (const auto& [name, value] : rule.named) {
    key += fmt::format(" {}:{}={}", name.size(), name, value);
  }
  for (const auto& [name, value] : rule.patterns) key += fmt::format(" {}~{}", name, value);
  return atom(ValueKind::kObject, key, std::move(rule));
}

FormulaId Formulas::required(const std::string& name) {
  return atom(ValueKind::kObject, "required " + name, RequiredRule{name});
}

FormulaId Formulas::member_count(const CountLimits& limits) {
  return atom(ValueKind::kObject, key_of("member count", limits), MemberCountRule{limits});
}

FormulaId Formulas::names(FormulaId name) {
  return atom(ValueKind::kObject, fmt::format("names {}", name), NamesRule{name});
}

FormulaId Formulas::some_member(RegexId name, FormulaId value) {
  return atom(ValueKind::kObject, fmt::format("some {} {}", name, value),
              SomeMemberRule{name, value});
}

uint32_t Formulas::new_reference() {
  references_.push_back(kNothing);
  return static_cast<uint32_t>(references_.size() - 1);
}

FormulaId Formulas::reference(uint32_t reference, bool negative) {
  return add({FormulaKind::kReference, negative, reference});
}

}  // namespace owl3
