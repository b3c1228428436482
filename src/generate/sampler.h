// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "owl3/options.h"

namespace owl3 {

/// Throws UsageError naming the first option that makes no sense.
void check_generation_options(const GenerationOptions& options);

/// Throws InputError when a logit is infinite or not a number.
void check_logits_finite(std::span<const float> logits);

/// Divides positive and multiplies negative logits of tokens seen so far by the penalty, each token
/// once however often it was seen (Keskar et al. 2019, section 4.1).
void apply_repetition_penalty(std::span<float> logits, std::span<const int32_t> seen,
                              double penalty);

/// Greedy or random choice as the options say: repetition penalty, then temperature, top-k, top-p,
/// min-p, in the order of Hugging Face's generate. The same seed and logits give the same tokens.
class Sampler {
 public:
  explicit Sampler(const GenerationOptions& options);

  /// `logits` [V] are changed; `seen` are the tokens of prompt and answer so far.
  int32_t choose(std::span<float> logits, std::span<const int32_t> seen);

 private:
  GenerationOptions options_;
  std::mt19937_64 random_;
};

}  // namespace owl3
