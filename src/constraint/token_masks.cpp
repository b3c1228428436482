#include "constraint/token_masks.h"

#include <algorithm>

namespace owl3 {

namespace {

constexpr size_t kMostKept = 1500;  // masks: 28 MB of a vocabulary of 151,851

}  // namespace

TokenMasks::TokenMasks(AnswerWalk& walk, std::shared_ptr<const TokenTrie> trie)
    : walk_(walk), trie_(std::move(trie)), path_(trie_->longest() + 1) {}

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
    tails_.clear();
    name_tails_.clear();
    value_tails_.clear();
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
  TokenMask mask(trie_->vocab_size());
  go_on(ByteTrie::kRoot, {stack}, mask);
  return of_stacks_.emplace(stack, std::move(mask)).first->second;
}

void TokenMasks::add_tokens(uint32_t node, TokenMask& mask) const {
  const ByteTrie& nodes = trie_->nodes();
  for (uint32_t i = nodes[node].first; i < nodes.texts_end(node); ++i) mask.add(trie_->token(i));
}

/// All tokens that begin so.
void TokenMasks::remove_all(uint32_t node, TokenMask& mask) const {
  const ByteTrie& nodes = trie_->nodes();
  for (uint32_t i = nodes[node].first; i < nodes[nodes[node].end].first; ++i) {
    mask.remove(trie_->token(i));
  }
}

/// From a node of the trie on. Texts and names have their own, shorter ways.
void TokenMasks::go_on(uint32_t node, const WalkState& state, TokenMask& mask) {
  WalkState rest;
  for (const StackId stack : state) {
    if (stack == 0) continue;
    const Open open = walk_.top(stack).open;
    if (open == Open::kText) {
      go_into_text(node, stack, mask);
    } else if (open == Open::kName) {
      go_into_name(node, stack, mask);
    } else {
      rest.push_back(stack);
    }
  }
  if (rest.empty()) return;
  const ByteTrie& nodes = trie_->nodes();
  const uint32_t end = nodes[node].end;
  for (uint32_t child = node + 1; child < end; child = nodes[child].end) {
    const WalkState next = walk_.next(rest, nodes[child].byte);
    if (next.empty()) continue;
    add_tokens(child, mask);
    if (nodes[child].end > child + 1) go_on(child, next, mask);
  }
}

// Texts.

const TokenMasks::Inside& TokenMasks::inside(const Frame& frame) {
  const auto found = insides_.find(frame);
  if (found != insides_.end()) return found->second;
  Inside made{TokenMask(trie_->vocab_size())};
  go_inside(ByteTrie::kRoot, frame, made, [](uint32_t, const Step&) {});
  ++kept_;
  return insides_.emplace(frame, std::move(made)).first->second;
}

/// Through all nodes below, in their order; visit(node, where it leads) inside the text.
template <typename Visit>
void TokenMasks::go_inside(uint32_t begin, const Frame& frame, Inside& inside, const Visit& visit) {
  const ByteTrie& nodes = trie_->nodes();
  const uint32_t end = nodes[begin].end;
  path_[nodes[begin].depth] = {frame, 0};
  for (uint32_t number = begin + 1; number < end;) {
    const ByteTrie::Node& node = nodes[number];
    Step& next = path_[node.depth];
    next = path_[node.depth - 1];
    switch (walk_.step_text(next.frame, node.byte)) {
      case AnswerWalk::TextStep::kInside:
        if (next.frame.part == 0) ++next.characters;
        add_tokens(number, inside.mask);
        visit(number, next);
        ++number;
        break;
      case AnswerWalk::TextStep::kClosed:
        inside.exits.push_back({trie_->quote_at(number), next.frame.b, next.characters});
        number = node.end;
        break;
      case AnswerWalk::TextStep::kNone:
        number = node.end;
        break;
    }
  }
}

/// Puts tokens together that lead to the same.
void TokenMasks::measure(const Frame& frame, Inside& inside) {
  std::map<std::tuple<uint32_t, uint32_t, PartialCharacter>, size_t> numbers;
  const ByteTrie& nodes = trie_->nodes();
  Inside again{TokenMask(trie_->vocab_size())};
  go_inside(ByteTrie::kRoot, frame, again, [&](uint32_t node, const Step& step) {
    const uint32_t first = nodes[node].first;
    const uint32_t end = nodes.texts_end(node);
    if (first == end) return;
    const std::tuple key(step.frame.b, step.characters, step.frame.part);
    const auto [found, is_new] = numbers.emplace(key, inside.stretches.size());
    if (is_new) inside.stretches.push_back({step.frame.b, step.characters, step.frame.part});
    std::vector<int32_t>& tokens = inside.stretches[found->second].tokens;
    for (uint32_t i = first; i < end; ++i) tokens.push_back(trie_->token(i));
  });
  constexpr size_t kTokenBits = 8 * sizeof(int32_t);
  kept_ += 1 + inside.mask.count() * kTokenBits / trie_->vocab_size();
}

/// What of it the frame's lengths leave.
TokenMask TokenMasks::within_lengths(const Frame& frame, const Inside& inside) {
  TokenMask mask = inside.mask;
  for (const Stretch& stretch : inside.stretches) {
    if (walk_.lengths_allow(frame, stretch.state, stretch.characters, stretch.part)) continue;
    for (const int32_t token : stretch.tokens) mask.remove(token);
  }
  return mask;
}

void TokenMasks::go_into_text(uint32_t node, StackId stack, TokenMask& mask) {
  const Frame frame = walk_.top(stack);
  Inside rest;
  const Inside* around = &rest;
  if (node == ByteTrie::kRoot) {
    Frame unmeasured = frame;
    unmeasured.need = 0;
    unmeasured.room = kUnlimited;
    around = &inside(unmeasured);
    const bool measured = frame.need > 0 || frame.room != kUnlimited;
    if (measured && around->stretches.empty()) measure(unmeasured, insides_.at(unmeasured));
    mask.add(measured ? within_lengths(frame, *around) : around->mask);
  } else {
    rest.mask = std::move(mask);
    go_inside(node, frame, rest, [](uint32_t, const Step&) {});
    mask = std::move(rest.mask);
  }
  if (around->exits.empty()) return;
  const Tails& behind = tails({walk_.below(stack)});
  for (const Exit& exit : around->exits) {
    const bool fits = exit.characters >= frame.need && exit.characters <= frame.room;
    if (fits) leave(exit.quote, behind, mask);
  }
}

/// The tokens that go on so behind the quote.
void TokenMasks::leave(uint32_t quote, const Tails& tails, TokenMask& mask) const {
  const TokenTrie::Quote& at = trie_->quote(quote);
  for (uint32_t i = at.first_tail; i < at.tails_end; ++i) {
    const TokenTrie::Tail& tail = trie_->tail(i);
    if (tails[tail.text] == Tail::kGoesOn) mask.add(tail.token);
  }
}

const TokenMasks::Tails& TokenMasks::tails(const WalkState& state) {
  const auto found = tails_.find(state);
  if (found != tails_.end()) return found->second;
  return tails_.emplace(state, make_tails(state, std::nullopt)).first->second;
}

/// The next name in the object with this around it begins.
bool TokenMasks::names_again(const WalkState& state, std::optional<StackId> object) const {
  return object && std::any_of(state.begin(), state.end(), [&](StackId stack) {
           return walk_.top(stack).open == Open::kName && walk_.below(stack) == *object;
         });
}

/// `object`: what is around the one whose next name is told apart.
TokenMasks::Tails TokenMasks::make_tails(const WalkState& state, std::optional<StackId> object) {
  const ByteTrie& nodes = trie_->tail_nodes();
  Tails tails(trie_->tail_texts().size());
  if (state.empty()) return tails;
  const auto tell = [&](uint32_t first, uint32_t end, Tail tail) {
    for (uint32_t i = first; i < end; ++i) {
      if (tails[i] != Tail::kGoesOn) tails[i] = tail;
    }
  };
  tell(0, nodes.texts_end(ByteTrie::kRoot), Tail::kGoesOn);
  WalkState rest;
  for (const StackId stack : state) {
    if (walk_.top(stack).open == Open::kColon) {
      add_value_tails(stack, object, tails);
    } else {
      rest.push_back(stack);
    }
  }
  if (rest.empty()) return tails;
  std::vector<WalkState> path(1, rest);
  for (uint32_t number = 1; number < nodes.size();) {
    const ByteTrie::Node& node = nodes[number];
    path.resize(node.depth);
    path.push_back(walk_.next(path.back(), node.byte));
    const WalkState& next = path.back();
    const bool again = names_again(next, object);
    if (again) tell(node.first, nodes[node.end].first, Tail::kNamesAgain);
    if (!again && !next.empty()) {
      tell(node.first, nodes.texts_end(number), Tail::kGoesOn);
      ++number;
    } else {
      number = node.end;
    }
  }
  return tails;
}

const TokenMasks::ValueTails& TokenMasks::value_tails(FormulaId value) {
  const auto found = value_tails_.find(value);
  if (found != value_tails_.end()) return found->second;
  const ByteTrie& nodes = trie_->tail_nodes();
  ValueTails made{Tails(trie_->tail_texts().size())};
  const StackId begin = walk_.before_value(value);
  const StackId around = walk_.below(begin);
  std::vector<WalkState> path(1, WalkState{begin});
  for (uint32_t number = 1; number < nodes.size();) {
    const ByteTrie::Node& node = nodes[number];
    path.resize(node.depth);
    path.push_back(walk_.next(path.back(), node.byte));
    const WalkState& before = path[path.size() - 2];
    const WalkState& next = path.back();
    if (next.empty()) {
      number = node.end;
      continue;
    }
    // Numbers end with what is behind them, and other values where they are closed.
    const bool beyond =
        next == WalkState{around} && std::any_of(before.begin(), before.end(), [&](StackId stack) {
          return stack == around ||
                 (walk_.top(stack).open == Open::kNumber && walk_.below(stack) == around);
        });
    for (uint32_t i = node.first; i < nodes.texts_end(number); ++i) {
      if (beyond) made.beyond.push_back(i);
      if (!beyond) made.tails[i] = Tail::kGoesOn;
    }
    ++number;
  }
  return value_tails_.emplace(value, std::move(made)).first->second;
}

/// Only what goes beyond the value is walked in the stack itself.
void TokenMasks::add_value_tails(StackId colon, std::optional<StackId> object, Tails& tails) {
  const ValueTails& value = value_tails(walk_.top(colon).a);
  for (size_t i = 0; i < tails.size(); ++i) {
    if (value.tails[i] == Tail::kGoesOn) tails[i] = Tail::kGoesOn;
  }
  for (const uint32_t text : value.beyond) {
    if (tails[text] == Tail::kGoesOn) continue;
    WalkState state = {colon};
    bool again = false;
    for (const char byte : trie_->tail_texts()[text]) {
      state = walk_.next(state, static_cast<unsigned char>(byte));
      again = again || names_again(state, object);
      if (state.empty() || again) break;
    }
    if (again) {
      tails[text] = Tail::kNamesAgain;
    } else if (!state.empty()) {
      tails[text] = Tail::kGoesOn;
    }
  }
}

// Names.

/// As inside any other name, but for where names that are known go on.
void TokenMasks::go_into_name(uint32_t node, StackId stack, TokenMask& mask) {
  const Frame frame = walk_.top(stack);
  TokenMask allowed(trie_->vocab_size());
  std::vector<Exit> exits;
  if (const std::optional<Frame> others = walk_.other_names(stack)) {
    if (node == ByteTrie::kRoot) {
      const Inside& around = inside(*others);
      allowed = around.mask;
      exits = around.exits;
    } else {
      Inside rest{std::move(allowed)};
      go_inside(node, *others, rest, [](uint32_t, const Step&) {});
      allowed = std::move(rest.mask);
      exits = std::move(rest.exits);
    }
  }
  std::vector<NodeRange> decided;
  if (frame.step != 0) go_along_names(node, frame, walk_.below(stack), allowed, decided);
  leave_name(node, stack, exits, decided, allowed);
  mask.add(allowed);
}

void TokenMasks::go_along_names(uint32_t node, const Frame& frame, StackId below, TokenMask& mask,
                                std::vector<NodeRange>& decided) {
  const ByteTrie& nodes = trie_->nodes();
  const uint32_t end = nodes[node].end;
  for (uint32_t child = node + 1; child < end; child = nodes[child].end) {
    Frame next = frame;
    switch (walk_.step_name(next, nodes[child].byte)) {
      case AnswerWalk::NameStep::kNone:
      case AnswerWalk::NameStep::kOther:
        break;
      case AnswerWalk::NameStep::kDead:
        remove_all(child, mask);
        decided.push_back({child, nodes[child].end});
        break;
      case AnswerWalk::NameStep::kClosed:
        leave(trie_->quote_at(child), tails(walk_.behind_name(frame, below)), mask);
        decided.push_back({child, nodes[child].end});
        break;
      case AnswerWalk::NameStep::kKnown:
        add_tokens(child, mask);
        if (nodes[child].end > child + 1) go_along_names(child, next, below, mask, decided);
        break;
    }
  }
}

/// By the exits of names that are not known. What they match decides how it goes on, but where the
/// object's next name begins in the same token: that may be this name again.
void TokenMasks::leave_name(uint32_t node, StackId stack, const std::vector<Exit>& exits,
                            const std::vector<NodeRange>& decided, TokenMask& mask) {
  const Frame frame = walk_.top(stack);
  const size_t depth = trie_->nodes()[node].depth;
  auto skipped = decided.begin();
  const Tails* tails = nullptr;
  uint32_t state = 0;  // where they are of
  for (const Exit& exit : exits) {
    const TokenTrie::Quote& quote = trie_->quote(exit.quote);
    while (skipped != decided.end() && skipped->end <= quote.node) ++skipped;
    if (skipped != decided.end() && skipped->begin <= quote.node) continue;
    if (tails == nullptr || exit.state != state) {
      state = exit.state;
      const std::tuple key(frame.a, walk_.name_matches(frame.a, state), walk_.below(stack));
      auto found = name_tails_.find(key);
      if (found == name_tails_.end()) {
        const WalkState behind = follow(stack, trie_->bytes_to(quote.node).substr(depth));
        found = name_tails_.emplace(key, make_tails(behind, walk_.below(stack))).first;
      }
      tails = &found->second;
    }
    leave(exit.quote, *tails, mask);
    for (uint32_t i = quote.first_tail; i < quote.tails_end; ++i) {
      const TokenTrie::Tail& tail = trie_->tail(i);
      if ((*tails)[tail.text] != Tail::kNamesAgain) continue;
      const std::string& bytes = trie_->bytes_of(tail.token);
      if (!follow(stack, std::string_view(bytes).substr(depth)).empty()) mask.add(tail.token);
    }
  }
}

WalkState TokenMasks::follow(StackId stack, std::string_view bytes) {
  WalkState state = {stack};
  for (size_t i = 0; i < bytes.size() && !state.empty(); ++i) {
    state = walk_.next(state, static_cast<unsigned char>(bytes[i]));
  }
  return state;
}

}  // namespace owl3
