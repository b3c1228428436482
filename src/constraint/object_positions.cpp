// How objects go on: which names may come next, and whether all that must be there still can be.
#include <algorithm>
#include <bit>

#include "constraint/schema_grammar.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

uint32_t bit(size_t number) {
  return 1u << number;
}

std::string utf8_of(const std::u32string& text) {
  std::string bytes;
  for (const char32_t character : text) append_utf8(bytes, character);
  return bytes;
}

}  // namespace

uint32_t SchemaGrammar::ObjectPosition::count() const {
  const auto named = std::count(seen.begin(), seen.end(), true);
  return static_cast<uint32_t>(static_cast<size_t>(named) + others.size());
}

PositionId SchemaGrammar::object_opening(const Case& literals) {
  const uint32_t number = object_shape(literals);
  const ObjectShape& shape = *object_shapes_[number];
  return object_position(
      {number, std::vector<bool>(shape.named.size()), {}, bit(shape.somes.size()) - 1});
}

PositionId SchemaGrammar::object_position(ObjectPosition position) {
  const auto number = static_cast<PositionId>(objects_.size());
  const auto [found, is_new] = object_positions_.emplace(position, number);
  if (is_new) objects_.push_back(std::move(position));
  return found->second;
}

const ObjectShape& SchemaGrammar::object_shape(PositionId position) const {
  return *object_shapes_[objects_[position].shape];
}

uint32_t SchemaGrammar::name_number(std::string_view name) {
  const auto [found, is_new] =
      name_numbers_.emplace(std::string(name), static_cast<uint32_t>(names_.size()));
  if (is_new) names_.push_back(&found->first);
  return found->second;
}

std::vector<std::string_view> SchemaGrammar::other_names(PositionId position) const {
  std::vector<std::string_view> names;
  for (const uint32_t number : objects_[position].others) names.push_back(*names_[number]);
  std::sort(names.begin(), names.end());
  return names;
}

FormulaId SchemaGrammar::other_value(ObjectShape& shape, MatchBits matches) {
  const auto found = shape.values.find(matches);
  if (found != shape.values.end()) return found->second;
  const FormulaId value = member_value(shape, nullptr, matches);
  shape.values.emplace(matches, value);
  return value;
}

bool SchemaGrammar::object_may_end(PositionId id) const {
  const ObjectPosition& position = objects_[id];
  const ObjectShape& shape = *object_shapes_[position.shape];
  const uint32_t count = position.count();
  if (position.missing_somes != 0 || count < shape.count.min || count > shape.count.max) {
    return false;
  }
  for (size_t i = 0; i < shape.named.size(); ++i) {
    if (shape.named[i].required && !position.seen[i]) return false;
  }
  return true;
}

bool SchemaGrammar::object_completable(PositionId id) {
  return asked_.decide({Question::kObject, id}, budget_, [&] {
    if (object_may_end(id)) return true;
    const ObjectPosition position = objects_[id];
    if (position.missing_somes == 0) return has_enough_members(position);
    return can_find(position, static_cast<size_t>(std::countr_zero(position.missing_somes)));
  });
}

/// Of members that anyone may be: those required exist and fit, and there are enough of others.
bool SchemaGrammar::has_enough_members(const ObjectPosition& position) {
  ObjectShape& shape = *object_shapes_[position.shape];
  uint64_t count = position.count();
  for (size_t i = 0; i < shape.named.size(); ++i) {
    if (position.seen[i] || !shape.named[i].required) continue;
    if (!inhabited(shape.named[i].value)) return false;
    ++count;
  }
  if (count > shape.count.max || shape.count.min > shape.count.max) return false;
  for (size_t i = 0; i < shape.named.size() && count < shape.count.min; ++i) {
    if (position.seen[i] || shape.named[i].required) continue;
    if (inhabited(shape.named[i].value)) ++count;
  }
  if (count >= shape.count.min) return true;
  return count + count_other_names(position) >= shape.count.min;
}

/// How many names are left beside those of the shape and those seen.
uint64_t SchemaGrammar::count_other_names(const ObjectPosition& position) {
  ObjectShape& shape = *object_shapes_[position.shape];
  std::vector<bool> accepted(shape.names->states());
  for (uint32_t state = 0; state < accepted.size(); ++state) {
    accepted[state] = inhabited(other_value(shape, shape.names->matches(state)));
  }
  uint64_t left = other_counts(shape, accepted)[shape.names->start()];
  if (left == TextAutomaton::kCountLimit) return left;
  for (const ObjectShape::Named& named : shape.named) {
    if (left > 0 && inhabited(other_value(shape, named.matches))) --left;
  }
  return left - std::min<uint64_t>(left, position.others.size());
}

/// Whether some member that can still come is what `some` asks for, and the rest can be done then.
bool SchemaGrammar::can_find(const ObjectPosition& position, size_t some) {
  ObjectShape& shape = *object_shapes_[position.shape];
  const MatchBits wanted = MatchBits{1} << shape.somes[some].pattern;
  const auto any_way = [&](std::optional<uint32_t> named, MatchBits matches, uint32_t other) {
    for (const ItemChoice& choice : all_member_choices(position, named, matches, other)) {
      const bool found = (objects_[choice.next].missing_somes & bit(some)) == 0;
      if (found && inhabited(choice.item) && object_completable(choice.next)) return true;
    }
    return false;
  };
  for (uint32_t i = 0; i < shape.named.size(); ++i) {
    if (position.seen[i] || (shape.named[i].matches & wanted) == 0) continue;
    if (any_way(i, shape.named[i].matches, 0)) return true;
  }
  for (const MatchBits matches : shape.names->all_matches()) {
    if ((matches & wanted) == 0) continue;
    const std::optional<uint32_t> name = fresh_name(position, matches);
    if (name && any_way(std::nullopt, matches, *name)) return true;
  }
  return false;
}

/// A name that matches just so and is neither the shape's nor there already.
std::optional<uint32_t> SchemaGrammar::fresh_name(const ObjectPosition& position,
                                                  MatchBits matches) {
  const ObjectShape& shape = *object_shapes_[position.shape];
  std::vector<bool> accepted(shape.names->states());
  for (uint32_t state = 0; state < accepted.size(); ++state) {
    accepted[state] = shape.names->matches(state) == matches;
  }
  const size_t most = shape.named.size() + position.others.size() + 1;
  for (const std::u32string& text : shape.names->shortest_texts(accepted, most)) {
    const std::string name = utf8_of(text);
    const bool told = std::any_of(shape.named.begin(), shape.named.end(),
                                  [&](const auto& named) { return named.name == name; });
    if (told) continue;
    const uint32_t number = name_number(name);
    if (!std::binary_search(position.others.begin(), position.others.end(), number)) {
      return number;
    }
  }
  return std::nullopt;
}

/// A member may be some of what is asked for, or not counted as that.
std::vector<ItemChoice> SchemaGrammar::all_member_choices(const ObjectPosition& position,
                                                          std::optional<uint32_t> named,
                                                          MatchBits matches, uint32_t other) {
  ObjectShape& shape = *object_shapes_[position.shape];
  if (position.count() >= shape.count.max) return {};
  ObjectPosition next = position;
  if (named) {
    next.seen[*named] = true;
  } else {
    next.others.insert(std::lower_bound(next.others.begin(), next.others.end(), other), other);
  }
  const FormulaId value = named ? shape.named[*named].value : other_value(shape, matches);
  std::vector<std::pair<std::vector<FormulaId>, uint32_t>> ways = {{{value}, next.missing_somes}};
  for (size_t i = 0; i < shape.somes.size(); ++i) {
    const bool fits = (matches >> shape.somes[i].pattern & 1) != 0;
    if (!fits || (position.missing_somes & bit(i)) == 0) continue;
    const size_t before = ways.size();
    for (size_t w = 0; w < before; ++w) {
      auto [parts, missing] = ways[w];
      parts.push_back(shape.somes[i].value);
      ways.emplace_back(std::move(parts), missing & ~bit(i));
    }
    budget_.spend(ways.size());
  }
  std::vector<ItemChoice> choices;
  for (auto& [parts, missing] : ways) {
    next.missing_somes = missing;
    choices.push_back({formulas_.all(std::move(parts)), object_position(next)});
  }
  return choices;
}

std::vector<ItemChoice> SchemaGrammar::member_choices(PositionId id, std::optional<uint32_t> named,
                                                      uint32_t names_state, std::string_view name) {
  const ObjectPosition position = objects_[id];
  const ObjectShape& shape = *object_shapes_[position.shape];
  const MatchBits matches = named ? shape.named[*named].matches : shape.names->matches(names_state);
  std::vector<ItemChoice> choices =
      all_member_choices(position, named, matches, named ? 0 : name_number(name));
  std::erase_if(choices, [&](const ItemChoice& choice) {
    return !inhabited(choice.item) || !object_completable(choice.next);
  });
  return choices;
}

const NameChoices& SchemaGrammar::name_choices(PositionId id) {
  if (const auto found = name_choices_.find(id); found != name_choices_.end()) {
    return found->second;
  }
  NameChoices made = make_name_choices(id);
  return name_choices_[id] = std::move(made);
}

NameChoices SchemaGrammar::make_name_choices(PositionId id) {
  const ObjectPosition position = objects_[id];
  ObjectShape& shape = *object_shapes_[position.shape];
  NameChoices choices;
  if (position.count() >= shape.count.max) return choices;
  uint32_t missing = 0;
  for (size_t i = 0; i < shape.named.size(); ++i) {
    if (shape.named[i].required && !position.seen[i]) ++missing;
  }
  const bool simple = position.missing_somes == 0;
  const bool room_for_others = position.count() + missing < shape.count.max;
  const auto any_way = [&](std::optional<uint32_t> named, MatchBits matches, uint32_t other) {
    const std::vector<ItemChoice> ways = all_member_choices(position, named, matches, other);
    return std::any_of(ways.begin(), ways.end(), [&](const ItemChoice& way) {
      return inhabited(way.item) && object_completable(way.next);
    });
  };
  for (uint32_t i = 0; i < shape.named.size(); ++i) {
    const ObjectShape::Named& named = shape.named[i];
    if (position.seen[i] || !inhabited(named.value)) continue;
    const bool fits = simple ? named.required || room_for_others : any_way(i, named.matches, 0);
    if (fits) choices.named.push_back(i);
  }
  std::map<MatchBits, bool> accepted;
  bool any = false;
  for (const MatchBits matches : shape.names->all_matches()) {
    bool fits = inhabited(other_value(shape, matches)) && (!simple || room_for_others);
    if (fits && !simple) {
      const std::optional<uint32_t> name = fresh_name(position, matches);
      fits = name && any_way(std::nullopt, matches, *name);
    }
    accepted[matches] = fits;
    any = any || fits;
  }
  if (!any) return choices;
  choices.accepted.resize(shape.names->states());
  for (uint32_t state = 0; state < choices.accepted.size(); ++state) {
    choices.accepted[state] = accepted[shape.names->matches(state)];
  }
  choices.others = &other_counts(shape, choices.accepted);
  // Names that are the shape's or came already are none of the others.
  uint64_t taken = 0;
  for (const ObjectShape::Named& named : shape.named) taken += accepted[named.matches] ? 1 : 0;
  for (const uint32_t other : position.others) {
    taken += accepted[matches_of(shape, *names_[other])] ? 1 : 0;
  }
  choices.any_other = (*choices.others)[shape.names->start()] > taken;
  return choices;
}

MatchBits SchemaGrammar::matches_of(const ObjectShape& shape, std::string_view name) const {
  uint32_t state = shape.names->start();
  while (!name.empty()) {
    const Utf8Character next = first_character(name);
    state = shape.names->next(state, next.code_point);
    name.remove_prefix(next.length);
  }
  return shape.names->matches(state);
}

/// Counted once for each set of accepted states of a shape.
const std::vector<uint64_t>& SchemaGrammar::other_counts(ObjectShape& shape,
                                                         const std::vector<bool>& accepted) {
  const auto found = shape.counts.find(accepted);
  if (found != shape.counts.end()) return found->second;
  return shape.counts.emplace(accepted, shape.names->count_texts(accepted)).first->second;
}

}  // namespace owl3
