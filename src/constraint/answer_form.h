// An answer's form (AnswerForm), compiled for a vocabulary.
#pragma once

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "constraint/answer_walk.h"
#include "constraint/schema_grammar.h"
#include "constraint/token_masks.h"
#include "constraint/work_budget.h"
#include "owl3/options.h"

namespace owl3 {

/// No value at all is valid under the schema.
class NoAnswer : public InputError {
 public:
  using InputError::InputError;
};

/// A grammar, and the walks through it. One thread at a time.
class AnswerGrammar {
 public:
  /// Throws UsageError when the form says nothing or more than one thing, UnsupportedKeyword,
  /// NoAnswer, or InputError when it can't be kept to.
  explicit AnswerGrammar(const AnswerForm& form, IntegerTexts integers = IntegerTexts::kAny);

  AnswerWalk& walk() { return walk_; }
  const WalkState& begin() const { return begin_; }
  /// Room to work in for another answer.
  void refill();
  /// Whether the text, as it stands, is an answer of the form.
  bool accepts(std::string_view text);

 private:
  static constexpr size_t kWork = 12'000'000;  // steps: under half a second

  WorkBudget budget_{kWork};
  SchemaGrammar grammar_{budget_};
  std::unique_ptr<TextAutomaton> text_;
  AnswerWalk walk_{grammar_};
  WalkState begin_;
};

/// A schema's text. Throws InputError with the place where it is no JSON.
nlohmann::ordered_json parse_schema(std::string_view text);

}  // namespace owl3
