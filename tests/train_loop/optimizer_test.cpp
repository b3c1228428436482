// AdamW over flat parameters, against LibTorch's own.
#include <gtest/gtest.h>

#include "core/error.h"
#include "train/sharded_adamw.h"
#include "train/torch.h"

namespace owl3::train {
namespace {

std::vector<NamedParameter> some_parameters() {
  torch::manual_seed(1);
  std::vector<NamedParameter> parameters;
  parameters.push_back({"norm", torch::randn({5}).requires_grad_()});
  parameters.push_back({"matrix", torch::randn({7, 3}).requires_grad_()});
  parameters.push_back({"bias", torch::randn({3}).requires_grad_()});
  return parameters;
}

torch::Tensor loss_of(const std::vector<torch::Tensor>& p, int step) {
  torch::manual_seed(100 + step);
  const torch::Tensor x = torch::randn({4, 7});
  return (torch::mm(x, p[1]) + p[2]).tanh().pow(2).sum() * p[0].sum();
}

std::vector<torch::Tensor> tensors_of(const std::vector<NamedParameter>& parameters) {
  std::vector<torch::Tensor> tensors;
  for (const auto& parameter : parameters) tensors.push_back(parameter.tensor);
  return tensors;
}

TEST(FlatParameters, TheModelsTensorsLieInOne) {
  const auto parameters = some_parameters();
  const torch::Tensor before = parameters[1].tensor.detach().clone();
  FlatParameters flat(parameters, true, 4);
  EXPECT_EQ(flat.size(), 29);
  EXPECT_EQ(flat.length(), 32);  // padded for four processes
  EXPECT_EQ(flat.decayed(), 21);
  EXPECT_TRUE(parameters[1].tensor.equal(before));
  flat.values().zero_();
  EXPECT_EQ(parameters[1].tensor.abs().sum().item<float>(), 0);
  loss_of(tensors_of(parameters), 0).backward();
  (parameters[0].tensor.sum() * 2).backward();
  EXPECT_EQ(flat.gradients()[21].item<float>(), 2);  // of the norm, after the matrix
}

TEST(FlatParameters, NothingToTrainIsAnError) {
  EXPECT_THROW(FlatParameters({}, true, 1), UsageError);
}

TEST(ShardedAdamW, IsLibTorchsAdamW) {
  OptimizerRecipe recipe;
  recipe.weight_decay = 0.1;
  recipe.no_decay_on_vectors = false;
  const auto ours = some_parameters();
  const auto theirs = tensors_of(some_parameters());
  Processes alone({}, torch::kCPU);
  FlatParameters flat(ours, recipe.no_decay_on_vectors, 1);
  ShardedAdamW optimizer(flat, alone, recipe);
  torch::optim::AdamW reference(theirs, torch::optim::AdamWOptions(1e-2)
                                            .betas({recipe.beta1, recipe.beta2})
                                            .eps(recipe.eps)
                                            .weight_decay(recipe.weight_decay));
  for (int step = 0; step < 6; ++step) {
    flat.zero_gradients();
    reference.zero_grad();
    loss_of(tensors_of(ours), step).backward();
    loss_of(theirs, step).backward();
    const double norm = clip_gradients(flat, 0.5);
    EXPECT_NEAR(norm, torch::nn::utils::clip_grad_norm_(theirs, 0.5), 1e-4 * norm);
    optimizer.step(1e-2);
    reference.step();
    for (size_t i = 0; i < theirs.size(); ++i) {
      EXPECT_TRUE(torch::allclose(ours[i].tensor, theirs[i], 1e-5, 1e-6)) << step << ": " << i;
    }
  }
}

TEST(ShardedAdamW, SparesVectorsFromDecay) {
  OptimizerRecipe recipe;
  recipe.weight_decay = 1;
  const auto parameters = some_parameters();
  const torch::Tensor norm = parameters[0].tensor.detach().clone();
  const torch::Tensor matrix = parameters[1].tensor.detach().clone();
  Processes alone({}, torch::kCPU);
  FlatParameters flat(parameters, true, 1);
  ShardedAdamW optimizer(flat, alone, recipe);
  optimizer.step(0.5);  // without gradients
  EXPECT_TRUE(parameters[0].tensor.equal(norm));
  EXPECT_TRUE(torch::allclose(parameters[1].tensor, matrix * 0.5));
}

}  // namespace
}  // namespace owl3::train
