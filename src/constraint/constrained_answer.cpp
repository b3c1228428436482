#include "constraint/constrained_answer.h"

#include "text/utf8.h"

namespace owl3 {

namespace {

constexpr size_t kLongestForced = 512;  // bytes looked at, at a time
constexpr size_t kMostNotes = 400'000;
constexpr size_t kMostEncoded = 4000;

}  // namespace

AnswerConstraint::AnswerConstraint(const AnswerForm& form, Tokenizer tokenizer,
                                   std::shared_ptr<const TokenTrie> trie)
    : tokenizer_(std::move(tokenizer)),
      trie_(std::move(trie)),
      grammar_(form, IntegerTexts::kDigits),
      masks_(grammar_.walk(), trie_) {}

bool AnswerConstraint::overgrown() {
  const std::lock_guard lock(mutex_);
  return grammar_.walk().size() > kMostNotes;
}

ConstrainedAnswer::ConstrainedAnswer(std::shared_ptr<AnswerConstraint> constraint)
    : constraint_(std::move(constraint)) {
  const std::lock_guard lock(constraint_->mutex_);
  constraint_->grammar_.refill();
  state_ = constraint_->grammar_.begin();
  look_ahead();
}

TokenMask ConstrainedAnswer::allowed() {
  const std::lock_guard lock(constraint_->mutex_);
  if (forced_.empty()) return constraint_->masks_.tokens(state_);
  TokenMask mask(constraint_->trie_->vocab_size());
  mask.add(forced_.back());
  return mask;
}

void ConstrainedAnswer::accept(int32_t token) {
  const std::lock_guard lock(constraint_->mutex_);
  AnswerWalk& walk = constraint_->grammar_.walk();
  const bool was_forced = !forced_.empty();
  for (const char byte : constraint_->trie_->bytes_of(token)) {
    state_ = walk.next(state_, static_cast<unsigned char>(byte));
  }
  OWL3_CHECK(!state_.empty());
  if (was_forced) forced_.pop_back();
  if (forced_.empty()) look_ahead();
}

/// Follows the text while only one byte can come. Its tokens are decided then, all but the last,
/// which may be the beginning of a longer one.
void ConstrainedAnswer::look_ahead() {
  AnswerWalk& walk = constraint_->grammar_.walk();
  WalkState state = state_;
  std::string text;
  complete_ = walk.complete(state);
  std::string next = walk.next_bytes(state, 2);
  ended_ = complete_ && next.empty();
  bool may_end = complete_;
  while (!may_end && next.size() == 1 && text.size() < kLongestForced) {
    text += next;
    state = walk.next(state, static_cast<unsigned char>(next.front()));
    may_end = walk.complete(state);
    next = walk.next_bytes(state, 2);
  }
  const bool to_the_end = may_end && next.empty();
  const size_t whole = find_invalid_utf8(text);
  if (text.size() < 2 || whole != std::string::npos) return;
  std::unordered_map<std::string, std::vector<int32_t>>& known = constraint_->encoded_;
  if (known.size() > kMostEncoded) known.clear();
  auto found = known.find(text);
  if (found == known.end()) {
    found = known.emplace(text, constraint_->tokenizer_.encode_words(text)).first;
  }
  std::vector<int32_t> tokens = found->second;
  std::string again;
  for (const int32_t token : tokens) again += constraint_->trie_->bytes_of(token);
  if (again != text) return;  // the tokenizer changes such texts: token by token, then
  if (!to_the_end) tokens.pop_back();
  forced_.assign(tokens.rbegin(), tokens.rend());
}

}  // namespace owl3
