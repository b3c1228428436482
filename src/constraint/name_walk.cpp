// Inside a member's name: which names are still in question, and whether any other may come.
#include <algorithm>

#include "constraint/answer_walk.h"
#include "text/utf8.h"

namespace owl3 {

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

const std::vector<AnswerWalk::KnownName>& AnswerWalk::known_names(PositionId position) {
  if (const auto found = known_names_.find(position); found != known_names_.end()) {
    return found->second;
  }
  constexpr size_t kMostKept = 50'000;  // names
  if (names_kept_ > kMostKept) {
    known_names_.clear();
    names_kept_ = 0;
  }
  const NameChoices& choices = grammar_.name_choices(position);
  const ObjectShape& shape = grammar_.object_shape(position);
  std::vector<KnownName> known;
  for (uint32_t i = 0; i < shape.named.size(); ++i) known.push_back({shape.named[i].name, i});
  for (const uint32_t number : choices.named) known[number].may_come = true;
  for (const std::string_view other : grammar_.other_names(position)) known.push_back({other});
  for (KnownName& each : known) {
    uint32_t state = shape.names->start();
    for (std::string_view rest = each.name; !rest.empty();) {
      const Utf8Character next = first_character(rest);
      state = shape.names->next(state, next.code_point);
      rest.remove_prefix(next.length);
    }
    each.counted = choices.any_other && choices.accepted[state];
  }
  std::sort(known.begin(), known.end(),
            [](const KnownName& a, const KnownName& b) { return a.name < b.name; });
  names_kept_ += 1 + known.size();
  return known_names_[position] = std::move(known);
}

AnswerWalk::KnownNames AnswerWalk::known_with(PositionId position, std::string_view prefix) {
  const KnownNames all = known_names(position);
  const auto first = std::partition_point(
      all.begin(), all.end(), [&](const KnownName& known) { return known.name < prefix; });
  const auto last = std::partition_point(
      first, all.end(), [&](const KnownName& known) { return known.name.starts_with(prefix); });
  return {first, last};
}

/// How many of them would else count as others.
uint64_t AnswerWalk::counted(KnownNames known) {
  return static_cast<uint64_t>(std::count_if(known.begin(), known.end(),
                                             [](const KnownName& each) { return each.counted; }));
}

/// Whether one of them may come that goes on behind so many bytes with one of the characters.
bool AnswerWalk::goes_on_with(const KnownName& known, size_t bytes, const FewRanges& characters) {
  return known.name.size() > bytes &&
         characters.contains(first_character(known.name.substr(bytes)).code_point);
}

/// Whether a name may come that begins as `known` do, or as others: the automaton is in `state`.
bool AnswerWalk::name_may_go_on(PositionId position, uint32_t state, KnownNames known) {
  if (std::any_of(known.begin(), known.end(), [](const auto& each) { return each.may_come; })) {
    return true;
  }
  const NameChoices& choices = grammar_.name_choices(position);
  if (!choices.any_other || state == TextAutomaton::kDead) return false;
  const uint64_t count = (*choices.others)[state];
  return count >= TextAutomaton::kCountLimit || count > counted(known);
}

/// The same with one of the characters behind the text.
bool AnswerWalk::name_may_become(const Frame& frame, const std::string& text,
                                 const FewRanges& characters) {
  const TextAutomaton& names = *grammar_.object_shape(frame.a).names;
  std::vector<CharRange> in_question;
  for (const KnownName& known : known_with(frame.a, text)) {
    if (!goes_on_with(known, text.size(), characters)) continue;
    const char32_t character = first_character(known.name.substr(text.size())).code_point;
    if (!in_question.empty() && in_question.back().first == character) continue;
    in_question.push_back({character, character});
    std::string longer = text;
    append_utf8(longer, character);
    const uint32_t state = names.next(frame.b, character);
    if (name_may_go_on(frame.a, state, known_with(frame.a, longer))) return true;
  }
  const NameChoices& choices = grammar_.name_choices(frame.a);
  if (!choices.any_other) return false;
  // With any other character none of the names goes on.
  const CharSet apart = complement(make_char_set(std::move(in_question)));
  const auto any = [&](uint32_t state) { return (*choices.others)[state] > 0; };
  for (const CharRange& range : characters) {
    for (const CharRange& other : apart) {
      const char32_t first = std::max(range.first, other.first);
      const char32_t last = std::min(range.last, other.last);
      if (first <= last && names.any_next(frame.b, first, last, any)) return true;
    }
  }
  return false;
}

/// Takes what is no quote; false where no name goes on so.
bool AnswerWalk::follow_name(Frame& frame, const ReadByte& read) {
  const TextAutomaton& names = *grammar_.object_shape(frame.a).names;
  frame.part = read.part;
  if (read.what == ReadByte::What::kPart) {
    return name_may_become(frame, name_text(frame.need), possible_characters(read.part));
  }
  std::string bytes;
  append_utf8(bytes, read.character);
  frame.b = names.next(frame.b, read.character);
  frame.need = longer_name(frame.need, bytes);
  KnownNames known;
  if (frame.step != 0) known = known_with(frame.a, name_text(frame.need));
  if (known.empty()) frame.step = 0;
  return name_may_go_on(frame.a, frame.b, known);
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
  const std::string text = name_text(frame.need);
  const KnownNames known = known_with(frame.a, text);
  std::optional<uint32_t> number;
  if (!known.empty() && known.front().name == text) {
    if (!known.front().may_come) return;
    number = known.front().number;
  } else if (!choices.any_other || !choices.accepted[frame.b]) {
    return;
  }
  for (const ItemChoice& choice : grammar_.member_choices(frame.a, number, frame.b, text)) {
    Frame behind{Open::kObject, kBehind, choice.next};
    Frame colon{Open::kColon, 0, choice.item};
    reached.push_back(push(colon, push(behind, below)));
  }
}

WalkState AnswerWalk::behind_name(const Frame& frame, StackId below) {
  WalkState reached;
  close_name(frame, below, reached);
  finish(reached);
  return reached;
}

// For walks over many names at once.

AnswerWalk::NameStep AnswerWalk::step_name(Frame& frame, unsigned char byte) {
  const ReadByte read = read_byte(frame.part, byte, true);
  if (read.what == ReadByte::What::kNone) return NameStep::kNone;
  if (read.what == ReadByte::What::kQuote) return NameStep::kClosed;
  std::string text = name_text(frame.need);
  if (read.what == ReadByte::What::kCharacter) append_utf8(text, read.character);
  const KnownNames known = known_with(frame.a, text);
  bool in_question = !known.empty();
  if (read.what == ReadByte::What::kPart) {
    const FewRanges ahead = possible_characters(read.part);
    in_question = std::any_of(known.begin(), known.end(), [&](const KnownName& each) {
      return goes_on_with(each, text.size(), ahead);
    });
  }
  if (!in_question) return NameStep::kOther;
  return follow_name(frame, read) ? NameStep::kKnown : NameStep::kDead;
}

std::optional<Frame> AnswerWalk::other_names(StackId stack) {
  Frame frame = stacks_[stack].frame;
  const NameChoices& choices = grammar_.name_choices(frame.a);
  if (!choices.any_other) return std::nullopt;
  frame.a = others_number(choices.others, grammar_.object_shape(frame.a));
  frame.step = 0;
  frame.need = 0;
  return frame;
}

/// Names of objects that are asked the same of their names go on alike.
uint32_t AnswerWalk::others_number(const std::vector<uint64_t>* counts, const ObjectShape& shape) {
  const auto [found, is_new] =
      others_numbers_.emplace(counts, static_cast<uint32_t>(others_.size()));
  if (!is_new) return found->second;
  std::vector<bool> alive;
  for (const uint64_t count : *counts) alive.push_back(count > 0);
  for (uint32_t i = 0; i < others_.size(); ++i) {
    if (others_[i].patterns == shape.patterns && others_[i].alive == alive) {
      return found->second = i;
    }
  }
  others_.push_back({shape.names.get(), shape.patterns, std::move(alive)});
  return found->second;
}

MatchBits AnswerWalk::name_matches(PositionId position, uint32_t state) const {
  return grammar_.object_shape(position).names->matches(state);
}

AnswerWalk::TextStep AnswerWalk::step_other_name(Frame& frame, unsigned char byte) const {
  const ReadByte read = read_byte(frame.part, byte, true);
  if (read.what == ReadByte::What::kNone) return TextStep::kNone;
  if (read.what == ReadByte::What::kQuote) return TextStep::kClosed;
  const OtherNames& others = others_[frame.a];
  const auto alive = [&](uint32_t state) { return others.alive[state]; };
  frame.part = read.part;
  if (read.what == ReadByte::What::kCharacter) {
    frame.b = others.names->next(frame.b, read.character);
    return frame.b != TextAutomaton::kDead && alive(frame.b) ? TextStep::kInside : TextStep::kNone;
  }
  for (const CharRange& range : possible_characters(read.part)) {
    if (others.names->any_next(frame.b, range.first, range.last, alive)) return TextStep::kInside;
  }
  return TextStep::kNone;
}

}  // namespace owl3
