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
    case Open::kAround:
      reached.push_back(stack);
      return;
  }
}

StackId AnswerWalk::before_value(FormulaId value) {
  return push({Open::kColon, 0, value}, push({Open::kAround}, 0));
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
  if (frame.open == Open::kName) return step_other_name(frame, byte);
  const ReadByte read = read_byte(frame.part, byte, frame.step == 0);
  if (read.what == ReadByte::What::kNone) return TextStep::kNone;
  TextAutomaton& automaton = *automata_[frame.a];
  if (read.what == ReadByte::What::kQuote) {
    return frame.need == 0 && automaton.accepts(frame.b) ? TextStep::kClosed : TextStep::kNone;
  }
  if (frame.room == 0) return TextStep::kNone;
  frame.part = read.part;
  if (read.what == ReadByte::What::kCharacter) {
    frame.b = automaton.next(frame.b, read.character);
    frame.need = less_one(frame.need);
    frame.room = less_one(frame.room);
    if (frame.b == TextAutomaton::kDead) return TextStep::kNone;
  }
  return goes_on_within(automaton, frame) ? TextStep::kInside : TextStep::kNone;
}

/// Whether there is a text with such lengths behind the state, and the part of a character.
bool AnswerWalk::goes_on_within(TextAutomaton& automaton, const Frame& frame) {
  if (frame.part == 0) return automaton.matches_within(frame.b, frame.need, frame.room);
  if (frame.room == 0) return false;
  const uint32_t need = less_one(frame.need);
  const uint32_t room = less_one(frame.room);
  const auto alive = [&](uint32_t state) { return automaton.matches_within(state, need, room); };
  const FewRanges ahead = possible_characters(frame.part);
  return std::any_of(ahead.begin(), ahead.end(), [&](const CharRange& range) {
    return automaton.any_next(frame.b, range.first, range.last, alive);
  });
}

bool AnswerWalk::lengths_allow(const Frame& frame, uint32_t state, uint32_t characters,
                               PartialCharacter part) {
  if (characters > frame.room) return false;
  Frame behind = frame;
  behind.b = state;
  behind.part = part;
  behind.need -= std::min(frame.need, characters);
  if (frame.room != kUnlimited) behind.room -= characters;
  return goes_on_within(*automata_[frame.a], behind);
}

}  // namespace owl3
