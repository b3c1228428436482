// Heads that attend to a distance, to begin with.
#pragma once

#include <torch/types.h>

namespace owl3::train {

/// Fills a head's biases of queries and keys, [d] each, so that q . k gets
///   sum_i strength^2 cos(w_i (p_q - p_k - distance))
/// over the eighth of the channel pairs (i, i + d / 2) that the rotary embedding turns fastest, by
/// w_i = theta^(-2i / d) a token: greatest for the key that stands `distance` before the query. (Of
/// heads of 64 channels and strength 4: 16 there, after division by sqrt(d), and 9.8 two tokens
/// away.) Other channels are left alone.
void prefer_distance(const torch::Tensor& q_bias, const torch::Tensor& k_bias, double theta,
                     double strength, double distance);

/// Fills them so that the head looks away from the token itself, by as much (strength 2.5: by 9.4),
/// and less from near ones. Three sixteenths of the pairs take part: with fewer, there are
/// distances of dozens of tokens that it would look at instead.
void look_away(const torch::Tensor& q_bias, const torch::Tensor& k_bias, double strength);

}  // namespace owl3::train
