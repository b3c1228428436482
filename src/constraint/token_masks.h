// Which tokens may come next: the vocabulary's trie, walked through the grammar. What is found is
// kept: for a place inside a text, which is where answers mostly are, apart from what lies around
// it, so that the whole vocabulary is gone through once per kind of text.
#pragma once

#include <map>
#include <memory>
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
  /// What can be told of a text without knowing what is around it.
  struct Inside {
    TokenMask mask;
    std::vector<uint32_t> exits;  // nodes of the trie at which the text is closed
  };
  struct FrameOrder {
    bool operator()(const Frame& a, const Frame& b) const;
  };

  const TokenMask& of_stack(StackId stack);
  TokenMask make(StackId stack);
  const Inside& inside(const Frame& frame);
  void go_inside(uint32_t node, const Frame& frame, Inside& inside) const;
  void go_into_name(uint32_t node, StackId name, StackId root, TokenMask& mask);
  /// `root`: where the walk began, at the trie's root; 0 where it did not.
  void go_on(uint32_t node, const WalkState& state, TokenMask& mask, StackId root);
  void leave(StackId stack, uint32_t exit, TokenMask& mask);
  void add_tokens(const TokenTrie::Node& node, TokenMask& mask) const;

  AnswerWalk& walk_;
  std::shared_ptr<const TokenTrie> trie_;
  std::unordered_map<StackId, TokenMask> of_stacks_;
  std::map<Frame, Inside, FrameOrder> insides_;
  size_t kept_ = 0;  // masks
};

}  // namespace owl3
