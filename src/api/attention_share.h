// How attention to many images is told in one number each (docs/evidence.md says why so).
#pragma once

#include <cstddef>
#include <vector>

#include "owl3/evidence.h"

namespace owl3 {

/// By image, the mean over layers and heads of what a token read, let through by the gates.
std::vector<float> mean_attention(const AttentionWeights& weights, size_t token);

/// By image, how strongly a token is led to it: each head's weight counts by its square, so that a
/// head that picks an image out weighs more than one that looks everywhere, whatever is asked.
std::vector<double> attention_strength(const AttentionWeights& weights, size_t token);

/// As shares, which sum to 1 or are all 0.
std::vector<double> shares_of(std::vector<double> strengths);

}  // namespace owl3
