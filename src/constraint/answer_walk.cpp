#include "constraint/answer_walk.h"

#include <algorithm>
#include <array>

#include "text/utf8.h"

namespace owl3 {

namespace {

constexpr std::array<std::string_view, 3> kLiterals = {"null", "false", "true"};
constexpr std::array<ValueKind, 3> kLiteralKinds = {ValueKind::kNull, ValueKind::kFalse,
                                                    ValueKind::kTrue};
/// More ways at once are given up: what is left is still right, only not all that might be.
constexpr size_t kMostStacks = 2000;

uint64_t hash_of(const Frame& frame, StackId below) {
  uint64_t hash = below;
  for (const uint64_t value :
       {uint64_t{static_cast<uint8_t>(frame.open)} << 8 | frame.step, uint64_t{frame.a},
        uint64_t{frame.b}, uint64_t{frame.need}, uint64_t{frame.room}, uint64_t{frame.part}}) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

uint32_t less_one(uint32_t count) {
  return count == 0 || count == kUnlimited ? count : count - 1;
}

}  // namespace

StackId AnswerWalk::push(const Frame& frame, StackId below) {
  const uint64_t hash = hash_of(frame, below);
  const auto [begin, end] = stack_numbers_.equal_range(hash);
  for (auto found = begin; found != end; ++found) {
    const Stack& other = stacks_[found->second];
    if (other.below == below && other.frame == frame) return found->second;
  }
  const auto id = static_cast<StackId>(stacks_.size());
  stacks_.push_back({frame, below});
  stack_numbers_.emplace(hash, id);
  return id;
}

uint32_t AnswerWalk::automaton_number(TextAutomaton* automaton) {
  const auto [found, is_new] =
      automaton_numbers_.emplace(automaton, static_cast<uint32_t>(automata_.size()));
  if (is_new) automata_.push_back(automaton);
  return found->second;
}

WalkState AnswerWalk::begin_json(FormulaId formula) {
  Frame value;
  value.a = formula;
  return {push(value, 0)};
}

WalkState AnswerWalk::begin_text(TextAutomaton& automaton) {
  Frame text{Open::kText, 1, automaton_number(&automaton), automaton.start(), 0, kUnlimited};
  return {push(text, 0)};
}

void AnswerWalk::finish(WalkState& state) {
  std::sort(state.begin(), state.end());
  state.erase(std::unique(state.begin(), state.end()), state.end());
  if (state.size() > kMostStacks) state.resize(kMostStacks);
}

WalkState AnswerWalk::next(const WalkState& state, unsigned char byte) {
  WalkState reached;
  for (const StackId stack : state) next(stack, byte, reached);
  finish(reached);
  return reached;
}

void AnswerWalk::next(StackId stack, unsigned char byte, WalkState& reached) {
  if (stack == 0) return;
  const Frame frame = stacks_[stack].frame;
  const StackId below = stacks_[stack].below;
  switch (frame.open) {
    case Open::kValue:
      if (frame.step != 0 && byte == ' ') {
        Frame value = frame;
        value.step = 0;
        reached.push_back(push(value, below));
        return;
      }
      return begin_value(frame.a, below, byte, reached);
    case Open::kLiteral:
      return next_in_literal(frame, below, byte, reached);
    case Open::kNumber: {
      const NumberAutomaton& automaton = *numbers_[frame.a];
      const uint32_t state = automaton.next(frame.b, byte);
      if (state != NumberAutomaton::kDead) {
        Frame longer = frame;
        longer.b = state;
        reached.push_back(push(longer, below));
      }
      if (automaton.accepts(frame.b)) next(below, byte, reached);
      return;
    }
    case Open::kText: {
      Frame text = frame;
      const TextStep step = step_text(text, byte);
      if (step == TextStep::kInside) reached.push_back(push(text, below));
      if (step == TextStep::kClosed) reached.push_back(below);
      return;
    }
    case Open::kArray:
      return next_in_array(frame, below, byte, reached);
    case Open::kObject:
      return next_in_object(frame, below, byte, reached);
    case Open::kName:
      return next_in_name(frame, below, byte, reached);
    case Open::kColon:
      if (byte == ':') {
        Frame value;
        value.step = 1;
        value.a = frame.a;
        reached.push_back(push(value, below));
      }
      return;
  }
}

void AnswerWalk::begin_value(FormulaId formula, StackId below, unsigned char byte,
                             WalkState& reached) {
  for (uint32_t i = 0; i < kLiterals.size(); ++i) {
    if (byte == static_cast<unsigned char>(kLiterals[i][0]) &&
        grammar_.holds(formula, kLiteralKinds[i])) {
      reached.push_back(push({Open::kLiteral, 0, i, 1}, below));
    }
  }
  if (byte == '"') {
    for (const TextShape& text : grammar_.texts(formula)) {
      reached.push_back(push({Open::kText, 0, automaton_number(text.automaton),
                              text.automaton->start(), text.length.min, text.length.max},
                             below));
    }
  } else if (byte == '[' || byte == '{') {
    const bool is_array = byte == '[';
    const ValueKind kind = is_array ? ValueKind::kArray : ValueKind::kObject;
    for (const PositionId position : grammar_.openings(formula, kind)) {
      reached.push_back(push({is_array ? Open::kArray : Open::kObject, kFirst, position}, below));
    }
  } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
    const NumberAutomaton& automaton = grammar_.numbers(formula);
    if (automaton.empty()) return;
    const uint32_t state = automaton.next(automaton.start(), byte);
    if (state == NumberAutomaton::kDead) return;
    const auto [found, is_new] =
        number_numbers_.emplace(&automaton, static_cast<uint32_t>(numbers_.size()));
    if (is_new) numbers_.push_back(&automaton);
    reached.push_back(push({Open::kNumber, 0, found->second, state}, below));
  }
}

void AnswerWalk::next_in_literal(const Frame& frame, StackId below, unsigned char byte,
                                 WalkState& reached) {
  const std::string_view word = kLiterals[frame.a];
  if (byte != static_cast<unsigned char>(word[frame.b])) return;
  Frame longer = frame;
  ++longer.b;
  reached.push_back(longer.b == word.size() ? below : push(longer, below));
}

void AnswerWalk::next_in_array(const Frame& frame, StackId below, unsigned char byte,
                               WalkState& reached) {
  const bool between = frame.step == kFirst || frame.step == kBehind;
  if (byte == ']' && between) {
    if (grammar_.array_may_end(frame.a)) reached.push_back(below);
    return;
  }
  if (frame.step == kBehind || (frame.step == kComma && byte == ' ')) {
    Frame comma = frame;
    comma.step = frame.step == kBehind ? kComma : kCommaSpace;
    const bool goes_on = byte == ' ' ? frame.step == kComma : byte == ',';
    if (goes_on && !grammar_.item_choices(frame.a).empty()) reached.push_back(push(comma, below));
    return;
  }
  const std::vector<ItemChoice> choices = grammar_.item_choices(frame.a);
  for (const ItemChoice& choice : choices) {
    begin_value(choice.item, push({Open::kArray, kBehind, choice.next}, below), byte, reached);
  }
}

void AnswerWalk::next_in_object(const Frame& frame, StackId below, unsigned char byte,
                                WalkState& reached) {
  Frame next = frame;
  if (byte == '}' && (frame.step == kFirst || frame.step == kBehind)) {
    if (grammar_.object_may_end(frame.a)) reached.push_back(below);
  } else if (frame.step == kBehind) {
    next.step = kComma;
    if (byte == ',' && grammar_.name_choices(frame.a).any()) {
      reached.push_back(push(next, below));
    }
  } else if (frame.step == kComma && byte == ' ') {
    next.step = kCommaSpace;
    reached.push_back(push(next, below));
  } else if (byte == '"' && grammar_.name_choices(frame.a).any()) {
    const ObjectShape& shape = grammar_.object_shape(frame.a);
    reached.push_back(push({Open::kName, 1, frame.a, shape.names->start()}, below));
  }
}

bool AnswerWalk::complete(const WalkState& state) const {
  return std::any_of(state.begin(), state.end(), [&](StackId stack) {
    if (stack == 0) return true;
    const auto& [frame, below] = stacks_[stack];
    if (below != 0) return false;
    if (frame.open == Open::kNumber) return numbers_[frame.a]->accepts(frame.b);
    return frame.open == Open::kText && frame.step == 1 && frame.part == 0 &&
           automata_[frame.a]->accepts(frame.b);
  });
}

std::string AnswerWalk::next_bytes(const WalkState& state, size_t most) {
  std::string bytes;
  for (unsigned byte = 0; byte < 256 && bytes.size() < most; ++byte) {
    if (!next(state, static_cast<unsigned char>(byte)).empty()) bytes += static_cast<char>(byte);
  }
  return bytes;
}

// Texts.

AnswerWalk::TextStep AnswerWalk::step_text(Frame& frame, unsigned char byte) {
  const bool is_name = frame.open == Open::kName;
  const bool json = is_name || frame.step == 0;
  const ReadByte read = read_byte(frame.part, byte, json);
  if (read.what == ReadByte::What::kNone) return TextStep::kNone;
  if (is_name) {  // one in which no name in question begins so (text_ahead())
    const OtherNames& others = other_names_[frame.a];
    if (read.what == ReadByte::What::kQuote) return TextStep::kClosed;
    const auto alive = [&](uint32_t state) { return (*others.counts)[state] > 0; };
    frame.part = read.part;
    if (read.what == ReadByte::What::kCharacter) {
      frame.b = others.shape->names->next(frame.b, read.character);
      return frame.b != TextAutomaton::kDead && alive(frame.b) ? TextStep::kInside
                                                               : TextStep::kNone;
    }
    for (const CharRange& range : possible_characters(read.part)) {
      if (others.shape->names->any_next(frame.b, range.first, range.last, alive)) {
        return TextStep::kInside;
      }
    }
    return TextStep::kNone;
  }
  TextAutomaton& automaton = *automata_[frame.a];
  if (read.what == ReadByte::What::kQuote) {
    return frame.need == 0 && automaton.accepts(frame.b) ? TextStep::kClosed : TextStep::kNone;
  }
  if (frame.room == 0) return TextStep::kNone;
  const uint32_t need = less_one(frame.need);
  const uint32_t room = less_one(frame.room);
  const auto alive = [&](uint32_t state) { return automaton.matches_within(state, need, room); };
  if (read.what == ReadByte::What::kCharacter) {
    const uint32_t state = automaton.next(frame.b, read.character);
    if (state == TextAutomaton::kDead || !alive(state)) return TextStep::kNone;
    frame.b = state;
    frame.need = need;
    frame.room = room;
    frame.part = 0;
    return TextStep::kInside;
  }
  frame.part = read.part;
  for (const CharRange& range : possible_characters(read.part)) {
    if (automaton.any_next(frame.b, range.first, range.last, alive)) return TextStep::kInside;
  }
  return TextStep::kNone;
}

Frame AnswerWalk::text_ahead(StackId stack, uint32_t bytes) {
  Frame frame = stacks_[stack].frame;
  if (frame.open == Open::kText) {
    // Lengths that are far off don't matter, where texts of all lengths go on alike.
    const uint32_t steady = automata_[frame.a]->steady_length(bytes);
    if (steady <= bytes) {
      const uint32_t far = 2 * bytes + 1;
      if (frame.room > far + frame.need) frame.room = kUnlimited;
      if (frame.need > far && frame.room == kUnlimited) frame.need = far;
    }
    return frame;
  }
  if (frame.step != 0) return frame;
  const NameChoices& choices = grammar_.name_choices(frame.a);
  frame.a = counts_number(choices.others, grammar_.object_shape(frame.a), choices);
  frame.need = 0;
  return frame;
}

uint32_t AnswerWalk::counts_number(const std::vector<uint64_t>* counts, const ObjectShape& shape,
                                   const NameChoices& choices) {
  static_cast<void>(choices);
  for (uint32_t i = 0; i < other_names_.size(); ++i) {
    if (other_names_[i].counts == counts) return i;
  }
  other_names_.push_back({counts, &shape});
  return static_cast<uint32_t>(other_names_.size() - 1);
}

// Names.

uint32_t AnswerWalk::longer_name(uint32_t name, std::string_view bytes) {
  for (const char byte : bytes) {
    const uint64_t key = uint64_t{name} << 8 | static_cast<unsigned char>(byte);
    const auto [found, is_new] = name_numbers_.emplace(key, static_cast<uint32_t>(names_.size()));
    if (is_new) names_.push_back({name, byte});
    name = found->second;
  }
  return name;
}

std::string AnswerWalk::name_text(uint32_t name) const {
  std::string text;
  for (; name != 0; name = names_[name].before) text += names_[name].last;
  std::reverse(text.begin(), text.end());
  return text;
}

/// How many names are the shape's or came already, begin so, and would else count as others.
uint64_t AnswerWalk::names_taken(const Frame& frame, const NameChoices& choices,
                                 std::string_view prefix) {
  const ObjectShape& shape = grammar_.object_shape(frame.a);
  uint64_t taken = 0;
  const auto take = [&](std::string_view name) {
    if (!name.starts_with(prefix)) return;
    uint32_t state = shape.names->start();
    while (!name.empty()) {
      const Utf8Character next = first_character(name);
      state = shape.names->next(state, next.code_point);
      name.remove_prefix(next.length);
    }
    taken += choices.accepted[state] ? 1 : 0;
  };
  for (const ObjectShape::Named& named : shape.named) take(named.name);
  for (const std::string_view other : grammar_.other_names(frame.a)) take(other);
  return taken;
}

/// Whether a name that begins with `text`, behind which the automaton is in frame.b, may come.
bool AnswerWalk::name_may_go_on(const Frame& frame, const NameChoices& choices,
                                const std::string& text) {
  const ObjectShape& shape = grammar_.object_shape(frame.a);
  for (const uint32_t named : choices.named) {
    if (shape.named[named].name.starts_with(text)) return true;
  }
  if (!choices.any_other) return false;
  const uint64_t count = (*choices.others)[frame.b];
  return count >= TextAutomaton::kCountLimit ||
         (count > 0 && count > names_taken(frame, choices, text));
}

/// The same with one of the characters behind the text.
bool AnswerWalk::name_may_become(const Frame& frame, const NameChoices& choices,
                                 const std::string& text, const CharSet& characters) {
  const ObjectShape& shape = grammar_.object_shape(frame.a);
  for (const uint32_t named : choices.named) {
    const std::string_view name = shape.named[named].name;
    if (name.size() <= text.size() || !name.starts_with(text)) continue;
    if (contains(characters, first_character(name.substr(text.size())).code_point)) return true;
  }
  if (!choices.any_other) return false;
  // Of so many characters one begins no name that is taken.
  const uint64_t taken = names_taken(frame, choices, text);
  for (const CharRange& range : characters) {
    for (char32_t c = range.first; c <= range.last && c - range.first <= taken; ++c) {
      Frame longer = frame;
      longer.b = shape.names->next(frame.b, c);
      std::string longer_text = text;
      append_utf8(longer_text, c);
      const uint64_t count = (*choices.others)[longer.b];
      if (count > 0 && (count >= TextAutomaton::kCountLimit ||
                        count > names_taken(longer, choices, longer_text))) {
        return true;
      }
    }
    const auto many = [&](uint32_t state) { return (*choices.others)[state] > taken; };
    if (shape.names->any_next(frame.b, range.first, range.last, many)) return true;
  }
  return false;
}

/// Takes what is no quote; false where no name goes on so.
bool AnswerWalk::follow_name(Frame& frame, const ReadByte& read) {
  const NameChoices& choices = grammar_.name_choices(frame.a);
  const ObjectShape& shape = grammar_.object_shape(frame.a);
  frame.part = read.part;
  if (frame.step == 0) {  // some other name
    const auto alive = [&](uint32_t state) { return (*choices.others)[state] > 0; };
    if (read.what == ReadByte::What::kCharacter) {
      frame.b = shape.names->next(frame.b, read.character);
      std::string bytes;
      append_utf8(bytes, read.character);
      frame.need = longer_name(frame.need, bytes);
      return frame.b != TextAutomaton::kDead && alive(frame.b);
    }
    const CharSet ahead = possible_characters(read.part);
    return std::any_of(ahead.begin(), ahead.end(), [&](const CharRange& range) {
      return shape.names->any_next(frame.b, range.first, range.last, alive);
    });
  }
  std::string text = name_text(frame.need);
  if (read.what == ReadByte::What::kPart) {
    return name_may_become(frame, choices, text, possible_characters(read.part));
  }
  std::string bytes;
  append_utf8(bytes, read.character);
  text += bytes;
  frame.b = shape.names->next(frame.b, read.character);
  if (frame.b == TextAutomaton::kDead || !name_may_go_on(frame, choices, text)) return false;
  frame.need = longer_name(frame.need, bytes);
  const auto begins_so = [&](std::string_view name) { return name.starts_with(text); };
  const std::vector<std::string_view> others = grammar_.other_names(frame.a);
  const bool in_question =
      std::any_of(shape.named.begin(), shape.named.end(),
                  [&](const ObjectShape::Named& named) { return begins_so(named.name); }) ||
      std::any_of(others.begin(), others.end(), begins_so);
  frame.step = in_question ? 1 : 0;
  return true;
}

void AnswerWalk::next_in_name(const Frame& frame, StackId below, unsigned char byte,
                              WalkState& reached) {
  const ReadByte read = read_byte(frame.part, byte, true);
  if (read.what == ReadByte::What::kNone) return;
  if (read.what == ReadByte::What::kQuote) return close_name(frame, below, reached);
  Frame longer = frame;
  if (follow_name(longer, read)) reached.push_back(push(longer, below));
}

void AnswerWalk::close_name(const Frame& frame, StackId below, WalkState& reached) {
  const NameChoices& choices = grammar_.name_choices(frame.a);
  const ObjectShape& shape = grammar_.object_shape(frame.a);
  const std::string text = name_text(frame.need);
  std::optional<uint32_t> number;
  for (uint32_t i = 0; i < shape.named.size() && frame.step != 0; ++i) {
    if (shape.named[i].name == text) number = i;
  }
  if (number) {
    if (std::find(choices.named.begin(), choices.named.end(), *number) == choices.named.end()) {
      return;
    }
  } else {
    if (!choices.any_other || !choices.accepted[frame.b]) return;
    const std::vector<std::string_view> others = grammar_.other_names(frame.a);
    if (std::binary_search(others.begin(), others.end(), std::string_view(text))) return;
  }
  for (const ItemChoice& choice : grammar_.member_choices(frame.a, number, frame.b, text)) {
    Frame behind{Open::kObject, kBehind, choice.next};
    Frame colon{Open::kColon, 0, choice.item};
    reached.push_back(push(colon, push(behind, below)));
  }
}

}  // namespace owl3
