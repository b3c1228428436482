#include "train/sharded_adamw.h"

#include <algorithm>
#include <cmath>

namespace owl3::train {

ShardedAdamW::ShardedAdamW(FlatParameters& parameters, Processes& processes,
                           const OptimizerRecipe& options)
    : parameters_(&parameters), processes_(&processes), options_(options) {
  const int64_t length = parameters.length() / processes.world();
  begin_ = processes.rank() * length;
  first_moment_ = torch::zeros({length}, parameters.values().options());
  second_moment_ = torch::zeros({length}, parameters.values().options());
}

void ShardedAdamW::step(double learning_rate) {
  const torch::NoGradGuard no_grad;
  ++steps_;
  const int64_t length = first_moment_.numel();
  const torch::Tensor values = parameters_->values().narrow(0, begin_, length);
  const torch::Tensor gradients = parameters_->gradients().narrow(0, begin_, length);
  const auto t = static_cast<double>(steps_);
  const double correction1 = 1 - std::pow(options_.beta1, t);
  const double correction2 = 1 - std::pow(options_.beta2, t);

  // p = p - lr * decay * p, where it is not spared
  const int64_t decayed = std::clamp<int64_t>(parameters_->decayed() - begin_, 0, length);
  values.narrow(0, 0, decayed).mul_(1 - learning_rate * options_.weight_decay);
  // m = beta1 m + (1 - beta1) g      v = beta2 v + (1 - beta2) g^2
  first_moment_.mul_(options_.beta1).add_(gradients, 1 - options_.beta1);
  second_moment_.mul_(options_.beta2).addcmul_(gradients, gradients, 1 - options_.beta2);
  // p = p - lr * (m / c1) / (sqrt(v / c2) + eps)
  const torch::Tensor divisor =
      second_moment_.sqrt().div_(std::sqrt(correction2)).add_(options_.eps);
  values.addcdiv_(first_moment_, divisor, -learning_rate / correction1);

  processes_->gather_parts(parameters_->values());
}

double clip_gradients(FlatParameters& parameters, double max_norm) {
  const torch::NoGradGuard no_grad;
  const double norm = parameters.gradients().norm().item<double>();
  if (max_norm > 0 && std::isfinite(norm) && norm > max_norm) {
    parameters.gradients().mul_(max_norm / (norm + 1e-6));  // as torch::nn::utils does
  }
  return norm;
}

}  // namespace owl3::train
