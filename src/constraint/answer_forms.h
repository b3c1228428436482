// The forms that answers of a model were asked for, compiled: the same form is compiled once.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "constraint/constrained_answer.h"

namespace owl3 {

/// Safe to use from several threads.
class AnswerForms {
 public:
  explicit AnswerForms(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  /// Throws as AnswerGrammar does.
  std::shared_ptr<AnswerConstraint> get(const AnswerForm& form);

 private:
  struct Known {
    std::string key;
    std::shared_ptr<AnswerConstraint> constraint;
  };

  Tokenizer tokenizer_;
  std::mutex mutex_;
  std::shared_ptr<const TokenTrie> trie_;  // made with the first form
  std::list<Known> known_;                 // the one used last in front
};

}  // namespace owl3
