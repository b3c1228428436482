#include "constraint/token_masks.h"

#include <tuple>

namespace owl3 {

namespace {

constexpr size_t kMostKept = 1500;  // masks: 28 MB of a vocabulary of 151,851

/// Inside a name with which no name in question begins.
bool is_other_name(const Frame& frame) {
  return frame.open == Open::kName && frame.step == 0;
}

}  // namespace

TokenMasks::TokenMasks(AnswerWalk& walk, std::shared_ptr<const TokenTrie> trie)
    : walk_(walk), trie_(std::move(trie)) {}

bool TokenMasks::FrameOrder::operator()(const Frame& a, const Frame& b) const {
  const auto key = [](const Frame& frame) {
    return std::tuple(frame.open, frame.step, frame.a, frame.b, frame.need, frame.room, frame.part);
  };
  return key(a) < key(b);
}

TokenMask TokenMasks::tokens(const WalkState& state) {
  if (kept_ > kMostKept) {
    of_stacks_.clear();
    insides_.clear();
    kept_ = 0;
  }
  TokenMask mask(trie_->vocab_size());
  for (const StackId stack : state) {
    if (stack != 0) mask.add(of_stack(stack));
  }
  return mask;
}

const TokenMask& TokenMasks::of_stack(StackId stack) {
  const auto found = of_stacks_.find(stack);
  if (found != of_stacks_.end()) return found->second;
  ++kept_;
  return of_stacks_.emplace(stack, make(stack)).first->second;
}

TokenMask TokenMasks::make(StackId stack) {
  const Frame& frame = walk_.top(stack);
  if (frame.open != Open::kText && !is_other_name(frame)) {
    TokenMask mask(trie_->vocab_size());
    go_on(TokenTrie::kRoot, {stack}, mask, stack);
    return mask;
  }
  const Inside& around = inside(walk_.text_ahead(stack, trie_->longest()));
  TokenMask mask = around.mask;
  for (const uint32_t exit : around.exits) leave(stack, exit, mask);
  return mask;
}

const TokenMasks::Inside& TokenMasks::inside(const Frame& frame) {
  const auto found = insides_.find(frame);
  if (found != insides_.end()) return found->second;
  Inside made{TokenMask(trie_->vocab_size()), {}};
  go_inside(TokenTrie::kRoot, frame, made);
  ++kept_;
  return insides_.emplace(frame, std::move(made)).first->second;
}

void TokenMasks::add_tokens(const TokenTrie::Node& node, TokenMask& mask) const {
  const int32_t* const tokens = trie_->tokens(node);
  for (uint32_t i = 0; i < node.tokens; ++i) mask.add(tokens[i]);
}

void TokenMasks::go_inside(uint32_t number, const Frame& frame, Inside& inside) const {
  const TokenTrie::Node& node = trie_->node(number);
  for (uint32_t i = node.first_child; i < node.first_child + node.children; ++i) {
    const TokenTrie::Node& child = trie_->node(i);
    Frame next = frame;
    switch (walk_.step_text(next, child.byte)) {
      case AnswerWalk::TextStep::kInside:
        add_tokens(child, inside.mask);
        if (child.children > 0) go_inside(i, next, inside);
        break;
      case AnswerWalk::TextStep::kClosed:
        inside.exits.push_back(i);
        break;
      case AnswerWalk::TextStep::kNone:
        break;
    }
  }
}

/// Goes on behind the text, in the stack itself.
void TokenMasks::leave(StackId stack, uint32_t exit, TokenMask& mask) {
  WalkState state;
  if (walk_.top(stack).open == Open::kText) {
    state = {walk_.below(stack)};
  } else {
    std::string bytes;
    for (uint32_t node = exit; node != TokenTrie::kRoot; node = trie_->node(node).parent) {
      bytes.insert(bytes.begin(), static_cast<char>(trie_->node(node).byte));
    }
    state = {stack};
    for (const char byte : bytes) state = walk_.next(state, static_cast<unsigned char>(byte));
    if (state.empty()) return;
  }
  add_tokens(trie_->node(exit), mask);
  go_on(exit, state, mask, 0);
}

/// Into a name that is none of those in question any more: how it goes on needs no stacks.
void TokenMasks::go_into_name(uint32_t number, StackId name, StackId root, TokenMask& mask) {
  Inside rest{TokenMask(trie_->vocab_size()), {}};
  go_inside(number, walk_.text_ahead(name, trie_->longest()), rest);
  mask.add(rest.mask);
  for (const uint32_t exit : rest.exits) leave(root, exit, mask);
}

void TokenMasks::go_on(uint32_t number, const WalkState& state, TokenMask& mask, StackId root) {
  const TokenTrie::Node& node = trie_->node(number);
  for (uint32_t i = node.first_child; i < node.first_child + node.children; ++i) {
    const TokenTrie::Node& child = trie_->node(i);
    const WalkState next = walk_.next(state, child.byte);
    if (next.empty()) continue;
    add_tokens(child, mask);
    if (child.children == 0) continue;
    const bool one = root != 0 && next.size() == 1;
    if (one && is_other_name(walk_.top(next.front()))) {
      go_into_name(i, next.front(), root, mask);
    } else {
      go_on(i, next, mask, root);
    }
  }
}

}  // namespace owl3
