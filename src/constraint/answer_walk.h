// An answer on its way through a grammar, a byte at a time: the places where it may be, each a
// stack of what is open. Every place can be completed, so that no answer ends in a dead end.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "constraint/character_reader.h"
#include "constraint/schema_grammar.h"

namespace owl3 {

/// A stack of what is open, innermost first; equal stacks have equal numbers. 0: nothing is open.
using StackId = uint32_t;
/// The places where an answer may be; sorted. Empty: no answer begins so.
using WalkState = std::vector<StackId>;

enum class Open : uint8_t {
  kValue,    // a value of `formula` begins
  kLiteral,  // null, false or true
  kNumber,
  kText,    // inside a string, or in an answer that is plain text
  kArray,   // behind [, an item, or a comma
  kObject,  // behind {, a member, or a comma
  kName,    // inside a member's name
  kColon,   // behind it
  kAround,  // what is around a value, whatever it is: it takes anything
};

/// What is open at one level.
struct Frame {
  Open open = Open::kValue;
  uint8_t step = 0;  // kArray, kObject: Step; kValue: a space may come; kText: it is plain text;
                     // kName: some name in question still begins so
  uint32_t a = 0;  // formula; literal; automaton; automaton; position; position; position; formula
  uint32_t b = 0;  // characters; state; state; state of the names
  uint32_t need = 0;  // kText: characters at least; kName: what was written, as a number
  uint32_t room = 0;  // kText: characters at most
  PartialCharacter part = 0;
  bool operator==(const Frame&) const = default;
};

class AnswerWalk {
 public:
  explicit AnswerWalk(SchemaGrammar& grammar) : grammar_(grammar) { stacks_.push_back({}); }

  /// Before any value of the formula, as JSON; or before any text of the term.
  WalkState begin_json(FormulaId formula);
  WalkState begin_text(TextAutomaton& automaton);

  WalkState next(const WalkState& state, unsigned char byte);
  /// What of the byte's ways one stack leads to; for walks that look at stacks one by one.
  void next(StackId stack, unsigned char byte, WalkState& reached);
  /// The answer may end here.
  bool complete(const WalkState& state) const;
  /// The bytes that may come next, up to `most` of them.
  std::string next_bytes(const WalkState& state, size_t most = 256);

  const Frame& top(StackId stack) const { return stacks_[stack].frame; }
  StackId below(StackId stack) const { return stacks_[stack].below; }
  /// The innermost frame, a kName, as inside a name with which none of those known begins; nothing
  /// where no such name may come.
  std::optional<Frame> other_names(StackId stack);
  enum class TextStep { kNone, kInside, kClosed };
  /// Takes a byte inside a kText, or a frame that other_names() returned.
  TextStep step_text(Frame& frame, unsigned char byte);
  /// Whether a text may go on, as its frame's lengths are, behind so many characters and a part of
  /// one, where the automaton is in `state`, which is known to go on with some lengths.
  bool lengths_allow(const Frame& frame, uint32_t state, uint32_t characters,
                     PartialCharacter part);

  /// kOther: no name that is known begins so, it goes on as other_names() says.
  enum class NameStep { kNone, kOther, kKnown, kDead, kClosed };
  /// Takes a byte inside a kName; kKnown alone changes it.
  NameStep step_name(Frame& frame, unsigned char byte);
  /// Where a kName over `below` leads that ends here.
  WalkState behind_name(const Frame& frame, StackId below);
  /// Behind the name of a member that such a value has to follow, in whatever object: kColon over
  /// kAround.
  StackId before_value(FormulaId value);
  /// Names with the same matches lead to the same, but for themselves.
  MatchBits name_matches(PositionId position, uint32_t state) const;

  /// How much it has noted: grows with answers.
  size_t size() const { return stacks_.size() + names_.size() + grammar_.positions(); }

 private:
  enum Step : uint8_t { kFirst, kBehind, kComma, kCommaSpace };
  struct Stack {
    Frame frame{};
    StackId below = 0;
  };
  struct NameText {
    uint32_t before = 0;
    char last = 0;
  };

  StackId push(const Frame& frame, StackId below);
  void begin_value(FormulaId formula, StackId below, unsigned char byte, WalkState& reached);
  void next_in_literal(const Frame& frame, StackId below, unsigned char byte, WalkState& reached);
  void next_in_array(const Frame& frame, StackId below, unsigned char byte, WalkState& reached);
  void next_in_object(const Frame& frame, StackId below, unsigned char byte, WalkState& reached);
  void next_in_name(const Frame& frame, StackId below, unsigned char byte, WalkState& reached);
  void close_name(const Frame& frame, StackId below, WalkState& reached);
  static bool goes_on_within(TextAutomaton& automaton, const Frame& frame);
  TextStep step_other_name(Frame& frame, unsigned char byte) const;
  /// A name that is not just any other: the shape's, or one that came already.
  struct KnownName {
    std::string_view name;
    std::optional<uint32_t> number{};  // in the shape
    bool may_come = false;
    bool counted = false;  // among the others, if it were not known
  };
  using KnownNames = std::span<const KnownName>;
  const std::vector<KnownName>& known_names(PositionId position);
  KnownNames known_with(PositionId position, std::string_view prefix);
  static uint64_t counted(KnownNames known);
  static bool goes_on_with(const KnownName& known, size_t bytes, const FewRanges& characters);
  bool follow_name(Frame& frame, const ReadByte& read);
  bool name_may_go_on(PositionId position, uint32_t state, KnownNames known);
  bool name_may_become(const Frame& frame, const std::string& text, const FewRanges& characters);
  uint32_t automaton_number(TextAutomaton* automaton);
  uint32_t others_number(const std::vector<uint64_t>* counts, const ObjectShape& shape);
  uint32_t longer_name(uint32_t name, std::string_view bytes);
  std::string name_text(uint32_t name) const;
  static void finish(WalkState& state);

  SchemaGrammar& grammar_;
  std::vector<Stack> stacks_;
  std::unordered_multimap<uint64_t, StackId> stack_numbers_;
  std::vector<TextAutomaton*> automata_;
  std::unordered_map<TextAutomaton*, uint32_t> automaton_numbers_;
  std::vector<const NumberAutomaton*> numbers_;
  std::unordered_map<const NumberAutomaton*, uint32_t> number_numbers_;
  struct OtherNames {
    const TextAutomaton* names;
    std::vector<RegexId> patterns;
    std::vector<bool> alive;  // by state
  };
  std::vector<OtherNames> others_;
  std::unordered_map<const std::vector<uint64_t>*, uint32_t> others_numbers_;
  std::unordered_map<PositionId, std::vector<KnownName>> known_names_;
  size_t names_kept_ = 0;  // in them
  std::vector<NameText> names_{1};
  std::unordered_map<uint64_t, uint32_t> name_numbers_;
};

}  // namespace owl3
