// Whether there is a value at all, and how arrays go on.
#include <algorithm>

#include "constraint/least_fixed_point.h"
#include "constraint/schema_grammar.h"

namespace owl3 {

bool SchemaGrammar::inhabited(FormulaId formula) {
  if (formula == Formulas::kAnything) return true;
  return asked_.decide({Question::kValue, formula}, budget_, [&] { return some_value(formula); });
}

bool SchemaGrammar::some_value(FormulaId formula) {
  for (const ValueKind kind : {ValueKind::kNull, ValueKind::kFalse, ValueKind::kTrue}) {
    if (holds(formula, kind)) return true;
  }
  if (!texts(formula).empty() || !numbers(formula).empty()) return true;
  for (const Case& each : Cases(cases(formula, ValueKind::kArray))) {
    if (array_completable(array_opening(each))) return true;
  }
  for (const Case& each : Cases(cases(formula, ValueKind::kObject))) {
    if (object_completable(object_opening(each))) return true;
  }
  return false;
}

const std::vector<PositionId>& SchemaGrammar::openings(FormulaId formula, ValueKind kind) {
  const std::pair key(formula, kind);
  if (const auto found = openings_.find(key); found != openings_.end()) return found->second;
  std::vector<PositionId> all;
  for (const Case& each : Cases(cases(formula, kind))) {
    const bool is_array = kind == ValueKind::kArray;
    const PositionId position = is_array ? array_opening(each) : object_opening(each);
    if (is_array ? array_completable(position) : object_completable(position)) {
      all.push_back(position);
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return openings_[key] = std::move(all);
}

/// Works out everything within reach, breadth first.
void SchemaGrammar::explore(FormulaId root) {
  std::vector<FormulaId> open = {root};
  std::unordered_map<FormulaId, bool> seen = {{root, true}};
  const auto reach = [&](FormulaId formula) {
    if (formula != Formulas::kNothing && seen.emplace(formula, true).second) {
      open.push_back(formula);
    }
  };
  for (size_t i = 0; i < open.size(); ++i) {
    const FormulaId formula = open[i];
    budget_.spend(16);
    if (!inhabited(formula)) continue;
    for (const PositionId position : openings(formula, ValueKind::kArray)) {
      const ArrayShape& shape = *array_shapes_[arrays_[position].shape];
      for (uint32_t item = 0; item <= shape.leading.size(); ++item) {
        if (item < shape.count.max) reach(shape.item(item));
      }
      item_choices(position);
    }
    for (const PositionId position : openings(formula, ValueKind::kObject)) {
      name_choices(position);
      ObjectShape& shape = *object_shapes_[objects_[position].shape];
      for (const ObjectShape::Named& named : shape.named) reach(named.value);
      for (const MatchBits matches : shape.names->all_matches()) {
        reach(other_value(shape, matches));
      }
    }
  }
}

PositionId SchemaGrammar::array_opening(const Case& literals) {
  const uint32_t shape = array_shape(literals);
  return array_position({shape, 0, std::vector<uint32_t>(array_shapes_[shape]->contains.size())});
}

PositionId SchemaGrammar::array_position(ArrayPosition position) {
  const ArrayShape& shape = *array_shapes_[position.shape];
  if (shape.count.max == kUnlimited) {  // beyond here the number of items doesn't matter
    size_t steady = std::max<size_t>(shape.leading.size(), shape.count.min);
    for (const ContainsRule& rule : shape.contains) steady = std::max<size_t>(steady, rule.from);
    position.index = static_cast<uint32_t>(std::min<size_t>(position.index, steady));
  }
  const auto number = static_cast<PositionId>(arrays_.size());
  const auto [found, is_new] = array_positions_.emplace(position, number);
  if (is_new) arrays_.push_back(std::move(position));
  return found->second;
}

bool SchemaGrammar::array_may_end(PositionId id) const {
  const ArrayPosition& position = arrays_[id];
  const ArrayShape& shape = *array_shapes_[position.shape];
  if (position.index < shape.count.min || position.index > shape.count.max) return false;
  for (size_t i = 0; i < shape.contains.size(); ++i) {
    if (position.found[i] < shape.contains[i].limits.min) return false;
  }
  return true;
}

/// Items up to the least number exist.
bool SchemaGrammar::has_enough_items(const ArrayPosition& position) {
  const ArrayShape& shape = *array_shapes_[position.shape];
  if (shape.count.min > shape.count.max) return false;
  const auto told = static_cast<uint32_t>(shape.leading.size());
  for (uint32_t i = position.index; i < std::min(shape.count.min, told); ++i) {
    if (!inhabited(shape.leading[i])) return false;
  }
  return shape.count.min <= std::max(told, position.index) || inhabited(shape.others);
}

bool SchemaGrammar::array_completable(PositionId id) {
  return asked_.decide({Question::kArray, id}, budget_, [&] {
    if (array_may_end(id)) return true;
    const ArrayPosition position = arrays_[id];
    if (array_shapes_[position.shape]->contains.empty()) return has_enough_items(position);
    for (const ItemChoice& choice : all_item_choices(position)) {
      if (inhabited(choice.item) && array_completable(choice.next)) return true;
    }
    return false;
  });
}

/// Each item counts for some of what the array has to contain, and not for the rest.
std::vector<ItemChoice> SchemaGrammar::all_item_choices(const ArrayPosition& position) {
  const ArrayShape& shape = *array_shapes_[position.shape];
  if (position.index >= shape.count.max) return {};
  struct Way {
    std::vector<FormulaId> parts;
    std::vector<uint32_t> found;
  };
  std::vector<Way> ways = {{{shape.item(position.index)}, position.found}};
  for (size_t i = 0; i < shape.contains.size(); ++i) {
    const ContainsRule& rule = shape.contains[i];
    if (position.index < rule.from) continue;
    const bool limited = rule.limits.max != kUnlimited;
    const size_t before = ways.size();
    for (size_t w = 0; w < before; ++w) {
      if (position.found[i] < (limited ? rule.limits.max : rule.limits.min)) {
        Way counted = ways[w];
        counted.parts.push_back(rule.item);
        ++counted.found[i];
        ways.push_back(std::move(counted));
      }
      if (limited) ways[w].parts.push_back(formulas_.negation(rule.item));
    }
    budget_.spend(ways.size());
  }
  std::vector<ItemChoice> choices;
  for (Way& way : ways) {
    choices.push_back({formulas_.all(std::move(way.parts)),
                       array_position({position.shape, position.index + 1, std::move(way.found)})});
  }
  return choices;
}

const std::vector<ItemChoice>& SchemaGrammar::item_choices(PositionId id) {
  if (const auto found = item_choices_.find(id); found != item_choices_.end()) {
    return found->second;
  }
  std::vector<ItemChoice> choices = all_item_choices(ArrayPosition(arrays_[id]));
  std::erase_if(choices, [&](const ItemChoice& choice) {
    return !inhabited(choice.item) || !array_completable(choice.next);
  });
  return item_choices_[id] = std::move(choices);
}

}  // namespace owl3
