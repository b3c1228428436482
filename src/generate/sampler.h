// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "owl3/options.h"

namespace owl3 {

class TokenMask;

/// Throws UsageError naming the first option that makes no sense.
void check_generation_options(const GenerationOptions& options);

/// Throws InputError when a logit is infinite or not a number.
void check_logits_finite(std::span<const float> logits);

/// Tokens that are not allowed get a logit of -infinity, which everything below leaves as it is.
void keep_allowed(std::span<float> logits, const TokenMask& allowed);

/// Divides positive and multiplies negative logits of tokens seen so far by the penalty, each token
/// once however often it was seen (Keskar et al. 2019, section 4.1).
void apply_repetition_penalty(std::span<float> logits, std::span<const int32_t> seen,
                              double penalty);

/// Takes `presence` off the logit of each token of the answer, and `frequency` for each time it is
/// there (OpenAI's penalties, over what was written and not what was asked).
void apply_answer_penalties(std::span<float> logits, std::span<const int32_t> answer,
                            double presence, double frequency);

/// Greedy or random choice as the options say: what is allowed, repetition penalty, then those of
/// presence and frequency, then temperature, top-k, top-p, min-p, the last in the order of Hugging
/// Face's generate. The same seed and logits give the same tokens.
class Sampler {
 public:
  explicit Sampler(const GenerationOptions& options);

  /// `logits` [V] are changed; `seen` are the tokens of prompt and answer so far, of which the
  /// answer's are the last `answer_tokens`; without `allowed` every token is.
  int32_t choose(std::span<float> logits, std::span<const int32_t> seen, size_t answer_tokens = 0,
                 const TokenMask* allowed = nullptr);

 private:
  GenerationOptions options_;
  std::mt19937_64 random_;
};

}  // namespace owl3
