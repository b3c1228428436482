// How likely the model found the tokens that it wrote, and others that it could have written.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace owl3 {

struct TokenLikelihood {
  int32_t token = 0;
  double logprob = 0;  // natural logarithm of its probability
};

/// A token of an answer, and the likeliest of all tokens in its place, which it may be one of.
struct TokenChoice {
  TokenLikelihood chosen;
  std::vector<TokenLikelihood> likeliest;  // in descending order
};

/// log(sum(exp(logits))), whatever their size.
double log_sum_exp(std::span<const float> logits);

/// Of logits [V] as the model gave them: log-softmax over the whole vocabulary, without
/// temperature, penalties, top-k and the like, so that they tell of the model and not of how it was
/// asked.
class Likelihoods {
 public:
  /// Keeps the logits, which may change then.
  explicit Likelihoods(std::span<const float> logits);

  TokenLikelihood of(int32_t token) const;
  /// So many, or all there are; of equals the one with the lower id first.
  std::vector<TokenLikelihood> likeliest(int64_t count) const;

 private:
  std::vector<float> logits_;
  double log_sum_ = 0;  // of exp(logits)
};

}  // namespace owl3
