// How likely texts are as the whole answer: read behind the prompt, beside the answer being
// written.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "generate/generate.h"

namespace owl3 {

/// Reads each text a token at a time, those that begin alike together: so many texts cost as many
/// steps as the longest has tokens, and the rows of a step share what it reads of the weights.
class TextScoring {
 public:
  /// The sequence holds the prompt. Any of the stop tokens ends an answer.
  TextScoring(const Sequence& prompt, std::vector<std::vector<int32_t>> texts,
              std::vector<int32_t> stop_tokens);

  bool done() const { return begun_ && open_.empty(); }
  /// Logits [V] of the prompt's last token.
  void begin(std::span<const float> logits);
  /// Adds what is to be read next to a step, of at most so many sequences.
  void add_rows(std::vector<SequenceRows>& step, size_t most);
  /// Logits [rows, V] of what was added, perhaps of nothing.
  void take(const Tensor& logits);
  /// By text: the natural logarithm of the probability that the model, which chooses from all of
  /// its tokens, writes these and then ends the answer.
  const std::vector<double>& log_probabilities() const { return log_probabilities_; }

 private:
  /// Texts that have their first tokens in common, of which all but the last were read.
  struct Branch {
    Sequence sequence;
    std::vector<size_t> texts;
    size_t tokens = 0;
  };

  void go_on(Branch branch, std::span<const float> logits);
  double log_probability_of_end(std::span<const float> logits, double log_sum) const;

  std::vector<std::vector<int32_t>> texts_;
  std::vector<int32_t> stop_tokens_;
  std::vector<double> log_probabilities_;
  std::vector<Branch> open_;  // those behind are read first, so that few are half read
  size_t asked_ = 0;          // of these, the last that are in the step
  bool begun_ = false;
  Sequence prompt_;
};

/// The answer, written as ever, with the texts of a request scored in the same steps. It ends when
/// both have; stopped before, it has no scores.
std::unique_ptr<Generation> with_scored_texts(std::unique_ptr<Generation> answer,
                                              TextScoring scoring);

}  // namespace owl3
