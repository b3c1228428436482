#include "constraint/regex.h"

#include <algorithm>
#include <map>

#include "text/utf8.h"

namespace owl3 {

namespace {

uint64_t mixed(uint64_t hash, uint64_t value) {
  return (hash ^ value) * 0x9E3779B97F4A7C15u + (hash >> 29);
}

}  // namespace

RegexTerms::RegexTerms(WorkBudget& budget) : budget_(budget) {
  add({Kind::kNone, false});
  add({Kind::kEmpty, true});
  any_character_ = set(all_characters());
  any_text_ = repeat(any_character_, 0, kUnlimited);
}

RegexId RegexTerms::add(Node node) {
  uint64_t hash = mixed(static_cast<uint64_t>(node.kind), (uint64_t{node.min} << 32) | node.max);
  for (const RegexId part : node.parts) hash = mixed(hash, part);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto found = begin; found != end; ++found) {
    const Node& other = nodes_[found->second];
    if (other.kind == node.kind && other.min == node.min && other.max == node.max &&
        other.parts == node.parts) {
      return found->second;
    }
  }
  budget_.spend(4 + node.parts.size());
  const auto id = static_cast<RegexId>(nodes_.size());
  nodes_.push_back(std::move(node));
  known_.emplace(hash, id);
  return id;
}

RegexId RegexTerms::set(const CharSet& characters) {
  if (characters.empty()) return none();
  size_t number = 0;
  while (number < sets_.size() && sets_[number] != characters) ++number;
  budget_.spend(1 + number / 8);
  if (number == sets_.size()) sets_.push_back(characters);
  return add({Kind::kSet, false, static_cast<uint32_t>(number), 0});
}

RegexId RegexTerms::literal(std::string_view utf8) {
  std::vector<char32_t> characters;
  while (!utf8.empty()) {
    const Utf8Character next = first_character(utf8);
    if (next.state != Utf8State::kValid) throw InputError("a text of the form is not UTF-8");
    characters.push_back(next.code_point);
    utf8.remove_prefix(next.length);
  }
  RegexId term = empty();
  for (size_t i = characters.size(); i-- > 0;) {
    term = concat(set({{characters[i], characters[i]}}), term);
  }
  return term;
}

RegexId RegexTerms::concat(RegexId first, RegexId rest) {
  if (first == none() || rest == none()) return none();
  if (first == empty()) return rest;
  if (rest == empty()) return first;
  const Node& node = nodes_[first];
  if (node.kind == Kind::kConcat) {  // to the right, so that equal texts are equal terms
    const RegexId head = node.parts[0];
    const RegexId tail = node.parts[1];
    return concat(head, concat(tail, rest));
  }
  if (node.kind == Kind::kRepeat && node.min == 0 && node.max == kUnlimited) {  // x*x* is x*
    const RegexId next = nodes_[rest].kind == Kind::kConcat ? nodes_[rest].parts[0] : rest;
    if (next == first) return rest;
  }
  const bool both_nullable = node.nullable && nodes_[rest].nullable;
  return add({Kind::kConcat, both_nullable, 0, 0, {first, rest}});
}

RegexId RegexTerms::repeat(RegexId term, uint32_t min, uint32_t max) {
  if (max == 0 || term == empty()) return empty();
  if (term == none()) return min == 0 ? empty() : none();
  if (min == 1 && max == 1) return term;
  const Node& node = nodes_[term];
  if (node.nullable) min = 0;
  if (node.kind == Kind::kRepeat && node.min == 0 && node.max == kUnlimited) return term;
  return add({Kind::kRepeat, min == 0, min, max, {term}});
}

/// kEither and kBoth: flat, sorted, each term once; single characters of a union in one set.
RegexId RegexTerms::set_operation(Kind kind, std::vector<RegexId> terms) {
  const bool is_union = kind == Kind::kEither;
  const RegexId neutral = is_union ? none() : any_text_;
  const RegexId absorbing = is_union ? any_text_ : none();
  std::vector<RegexId> flat;
  CharSet characters;
  for (const RegexId term : terms) {
    const Node& node = nodes_[term];
    if (node.kind == kind) {
      flat.insert(flat.end(), node.parts.begin(), node.parts.end());
    } else if (term == absorbing) {
      return absorbing;
    } else if (term != neutral) {
      flat.push_back(term);
    }
  }
  if (is_union && std::count_if(flat.begin(), flat.end(), [&](RegexId term) {
                    return nodes_[term].kind == Kind::kSet;
                  }) > 1) {
    std::erase_if(flat, [&](RegexId term) {
      if (nodes_[term].kind != Kind::kSet) return false;
      characters = united(characters, sets_[nodes_[term].min]);
      return true;
    });
    flat.push_back(set(characters));
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  budget_.spend(1 + flat.size());
  if (flat.empty()) return neutral;
  if (flat.size() == 1) return flat.front();
  bool nullable = !is_union;
  for (const RegexId term : flat) {
    const Node& node = nodes_[term];
    nullable = is_union ? nullable || node.nullable : nullable && node.nullable;
    const bool contradicted =
        node.kind == Kind::kNot && std::binary_search(flat.begin(), flat.end(), node.parts.front());
    if (contradicted) return absorbing;
  }
  return add({kind, nullable, 0, 0, std::move(flat)});
}

RegexId RegexTerms::either(std::vector<RegexId> terms) {
  return set_operation(Kind::kEither, std::move(terms));
}

RegexId RegexTerms::both(std::vector<RegexId> terms) {
  return set_operation(Kind::kBoth, std::move(terms));
}

RegexId RegexTerms::negation(RegexId term) {
  if (term == none()) return any_text_;
  if (term == any_text_) return none();
  if (nodes_[term].kind == Kind::kNot) return nodes_[term].parts.front();
  return add({Kind::kNot, !nodes_[term].nullable, 0, 0, {term}});
}

RegexId RegexTerms::derivative(RegexId term, char32_t character) {
  budget_.spend(1);
  if (nodes_[term].parts.empty()) return make_derivative(term, character);
  constexpr size_t kMostKept = size_t{1} << 16;  // the last ones: states share many of their parts
  if (derived_.empty()) derived_.resize(kMostKept);
  const size_t place = mixed(mixed(0, term), character) % kMostKept;
  if (derived_[place].term == term && derived_[place].character == character) {
    return derived_[place].derivative;
  }
  const RegexId derivative = make_derivative(term, character);
  derived_[place] = {term, character, derivative};
  return derivative;
}

RegexId RegexTerms::make_derivative(RegexId term, char32_t character) {
  budget_.spend(2);
  const Node& node = nodes_[term];
  switch (node.kind) {
    case Kind::kNone:
    case Kind::kEmpty:
      return none();
    case Kind::kSet:
      return contains(sets_[node.min], character) ? empty() : none();
    case Kind::kConcat: {
      const RegexId first = concat(derivative(node.parts[0], character), node.parts[1]);
      if (!nullable(node.parts[0])) return first;
      return either({first, derivative(node.parts[1], character)});
    }
    case Kind::kRepeat: {
      const RegexId first = derivative(node.parts[0], character);
      if (first == none()) return none();
      const uint32_t max = node.max == kUnlimited ? kUnlimited : node.max - 1;
      return concat(first, repeat(node.parts[0], node.min == 0 ? 0 : node.min - 1, max));
    }
    case Kind::kEither:
    case Kind::kBoth: {
      std::vector<RegexId> parts;
      parts.reserve(node.parts.size());
      for (const RegexId part : node.parts) {
        parts.push_back(derivative(part, character));
        if (node.kind == Kind::kBoth && parts.back() == none()) return none();
      }
      return set_operation(node.kind, std::move(parts));
    }
    case Kind::kNot:
      return negation(derivative(node.parts[0], character));
  }
  return none();
}

std::optional<std::vector<RegexTerms::Head>> RegexTerms::heads(RegexId term) const {
  std::vector<Head> heads;
  const Node& all = nodes_[term];
  const std::vector<RegexId> alone = {term};
  for (const RegexId part : all.kind == Kind::kEither ? all.parts : alone) {
    const Node& node = nodes_[part];
    if (node.kind == Kind::kEmpty || node.kind == Kind::kNone) continue;
    const bool longer = node.kind == Kind::kConcat;
    const Node& first = longer ? nodes_[node.parts[0]] : node;
    if (first.kind != Kind::kSet) return std::nullopt;
    heads.push_back({&sets_[first.min], longer ? node.parts[1] : empty()});
  }
  return heads;
}

Alphabet RegexTerms::alphabet(const std::vector<RegexId>& terms) const {
  std::vector<bool> seen(nodes_.size());
  std::vector<bool> used(sets_.size());
  std::vector<RegexId> open = terms;
  while (!open.empty()) {
    const RegexId id = open.back();
    open.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    const Node& node = nodes_[id];
    if (node.kind == Kind::kSet) used[node.min] = true;
    open.insert(open.end(), node.parts.begin(), node.parts.end());
  }
  Alphabet alphabet;
  std::vector<char32_t>& starts = alphabet.starts;
  starts = {0, kFirstSurrogate, kLastSurrogate + 1};
  for (size_t i = 0; i < sets_.size(); ++i) {
    if (!used[i]) continue;
    for (const CharRange& range : sets_[i]) {
      starts.push_back(range.first);
      if (range.last < kLastCharacter) starts.push_back(range.last + 1);
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<std::vector<uint32_t>> members(starts.size());  // the sets, by interval
  size_t steps = starts.size();
  for (uint32_t i = 0; i < sets_.size(); ++i) {
    if (!used[i]) continue;
    for (const CharRange& range : sets_[i]) {
      auto at = static_cast<size_t>(std::lower_bound(starts.begin(), starts.end(), range.first) -
                                    starts.begin());
      for (; at < starts.size() && starts[at] <= range.last; ++at, ++steps) {
        members[at].push_back(i);
      }
    }
  }
  budget_.spend(steps / 4);
  const auto surrogates = static_cast<size_t>(
      std::lower_bound(starts.begin(), starts.end(), kFirstSurrogate) - starts.begin());
  members[surrogates] = {UINT32_MAX};  // in a class of their own
  std::map<std::vector<uint32_t>, uint32_t> classes;
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto number = static_cast<uint32_t>(classes.size());
    const auto [found, is_new] = classes.emplace(std::move(members[i]), number);
    if (is_new) alphabet.representatives.push_back(starts[i]);
    alphabet.class_of.push_back(found->second);
  }
  return alphabet;
}

}  // namespace owl3
