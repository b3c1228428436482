// An answer being written in its form: which tokens may come, what can come next only.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "constraint/answer_form.h"
#include "text/tokenizer.h"

namespace owl3 {

/// A form compiled for a tokenizer, shared by all answers in it. Safe to use from several threads.
class AnswerConstraint {
 public:
  /// As AnswerGrammar. `trie` is the tokenizer's.
  AnswerConstraint(const AnswerForm& form, Tokenizer tokenizer,
                   std::shared_ptr<const TokenTrie> trie);

  /// It has noted so much for past answers that it is better compiled anew.
  bool overgrown();

 private:
  friend class ConstrainedAnswer;

  std::mutex mutex_;
  Tokenizer tokenizer_;
  std::shared_ptr<const TokenTrie> trie_;
  AnswerGrammar grammar_;
  TokenMasks masks_;
  std::unordered_map<std::string, std::vector<int32_t>> encoded_;  // forced texts
};

/// One answer. Copies are independent, as beams need it.
class ConstrainedAnswer {
 public:
  explicit ConstrainedAnswer(std::shared_ptr<AnswerConstraint> constraint);

  /// The tokens that may come next, end tokens not among them: where only one text can follow, the
  /// next token of it as the tokenizer cuts it.
  TokenMask allowed();
  /// The answer may end here; where nothing else may follow, it has ended.
  bool complete() const { return complete_; }
  bool ended() const { return ended_; }
  /// The token that comes next, whatever the model says; nothing where there is a choice.
  std::optional<int32_t> forced() const {
    return forced_.empty() ? std::nullopt : std::optional(forced_.back());
  }
  /// `token` is one of those allowed.
  void accept(int32_t token);

 private:
  void look_ahead();

  std::shared_ptr<AnswerConstraint> constraint_;
  WalkState state_;
  bool complete_ = false;
  bool ended_ = false;
  std::vector<int32_t> forced_;  // the next tokens, last first
};

}  // namespace owl3
