// Which tokens may come next: the vocabulary's trie, walked through the grammar. What is found is
// kept: for a place inside a text, which is where answers mostly are, apart from its lengths and
// from what lies around it, so that the whole vocabulary is gone through once per kind of text; and
// for what lies around it once per place, however many tokens end the text. A name is a text, but
// for the few tokens that go along names that are known.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "constraint/answer_walk.h"
#include "constraint/token_trie.h"

namespace owl3 {

class TokenMasks {
 public:
  TokenMasks(AnswerWalk& walk, std::shared_ptr<const TokenTrie> trie);

  /// The tokens whose bytes go on from the state.
  TokenMask tokens(const WalkState& state);

  /// Of what is kept.
  size_t bytes() const { return kept_ * (trie_->vocab_size() / 8 + 64); }

 private:
  /// A quote at which a text is closed.
  struct Exit {
    uint32_t quote = 0;  // in the trie
    uint32_t state = 0;  // of the text's automaton
    uint32_t characters = 0;
  };
  /// Where tokens lead to, of which only lengths may say more.
  struct Stretch {
    uint32_t state = 0;
    uint32_t characters = 0;
    PartialCharacter part = 0;
    std::vector<int32_t> tokens{};
  };
  /// What can be told of a text without knowing what is around it, nor its lengths.
  struct Inside {
    TokenMask mask;
    std::vector<Exit> exits{};
    std::vector<Stretch> stretches{};  // where they were asked for
  };
  /// What tokens may have behind a closed text, by text of the trie's tails.
  enum class Tail : uint8_t { kNone, kGoesOn, kNamesAgain };
  using Tails = std::vector<Tail>;
  /// Behind a member's name, as far as its value goes.
  struct ValueTails {
    Tails tails;
    std::vector<uint32_t> beyond{};  // texts that may go on behind the value
  };
  struct FrameOrder {
    bool operator()(const Frame& a, const Frame& b) const;
  };
  /// Nodes that need not be looked at again.
  struct NodeRange {
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  const TokenMask& of_stack(StackId stack);
  const Inside& inside(const Frame& frame);
  template <typename Visit>
  void go_inside(uint32_t node, const Frame& frame, Inside& inside, const Visit& visit);
  void measure(const Frame& frame, Inside& inside);
  TokenMask within_lengths(const Frame& frame, const Inside& inside);
  void go_on(uint32_t node, const WalkState& state, TokenMask& mask);
  void go_into_text(uint32_t node, StackId stack, TokenMask& mask);
  void go_into_name(uint32_t node, StackId stack, TokenMask& mask);
  void go_along_names(uint32_t node, const Frame& frame, StackId below, TokenMask& mask,
                      std::vector<NodeRange>& decided);
  void leave_name(uint32_t node, StackId stack, const std::vector<Exit>& exits,
                  const std::vector<NodeRange>& decided, TokenMask& mask);
  void leave(uint32_t quote, const Tails& tails, TokenMask& mask) const;
  WalkState follow(StackId stack, std::string_view bytes);
  const Tails& tails(const WalkState& state);
  const ValueTails& value_tails(FormulaId value);
  void add_value_tails(StackId colon, std::optional<StackId> object, Tails& tails);
  bool names_again(const WalkState& state, std::optional<StackId> object) const;
  Tails make_tails(const WalkState& state, std::optional<StackId> object);
  void add_tokens(uint32_t node, TokenMask& mask) const;
  void remove_all(uint32_t node, TokenMask& mask) const;

  AnswerWalk& walk_;
  std::shared_ptr<const TokenTrie> trie_;
  std::unordered_map<StackId, TokenMask> of_stacks_;
  std::map<Frame, Inside, FrameOrder> insides_;
  std::map<WalkState, Tails> tails_;
  std::unordered_map<FormulaId, ValueTails> value_tails_;
  /// Behind names that are not known: position, what the name matches, what is around the object.
  std::map<std::tuple<PositionId, MatchBits, StackId>, Tails> name_tails_;
  struct Step {
    Frame frame{};
    uint32_t characters = 0;
  };
  std::vector<Step> path_;  // by depth in the trie
  size_t kept_ = 0;         // masks
};

}  // namespace owl3
