#include "train/preferred_distance.h"

#include <torch/torch.h>

#include <cmath>

namespace owl3::train {

void prefer_distance(const torch::Tensor& q_bias, const torch::Tensor& k_bias, double theta,
                     double strength, double distance) {
  const int64_t half = k_bias.size(0) / 2, pairs = k_bias.size(0) / 8;
  for (int64_t i = 0; i < pairs; ++i) {
    const double angle =
        distance * std::pow(theta, -static_cast<double>(i) / static_cast<double>(half));
    q_bias[i] = strength;
    q_bias[half + i] = 0;
    k_bias[i] = strength * std::cos(angle);
    k_bias[half + i] = strength * std::sin(angle);
  }
}

void look_away(const torch::Tensor& q_bias, const torch::Tensor& k_bias, double strength) {
  const int64_t half = k_bias.size(0) / 2, pairs = 3 * k_bias.size(0) / 16;
  for (int64_t i = 0; i < pairs; ++i) {
    q_bias[i] = strength;
    k_bias[i] = -strength;
    q_bias[half + i] = 0;
    k_bias[half + i] = 0;
  }
}

}  // namespace owl3::train
