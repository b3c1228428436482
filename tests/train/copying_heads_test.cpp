// Heads that copy, in a model that has learnt nothing yet.
#include "train/copying_heads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "core/error.h"
#include "train/layers.h"
#include "train/model_files.h"
#include "train/preferred_distance.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

using namespace test;

std::string config_with(int key_value_heads) {
  return R"({"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3,
             "num_key_value_heads": )" +
         std::to_string(key_value_heads) + R"(, "intermediate_size": 128, "vocab_size": 500,
             "hyper_layers": [1], "rope_theta": 100000, "tie_word_embeddings": true,
             "vision_config": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                               "intermediate_size": 64, "image_size": 32, "patch_size": 16}})";
}

/// 30 different tokens in random order, twice.
Sample said_twice(uint64_t seed) {
  std::vector<int64_t> ids(500);
  std::iota(ids.begin(), ids.end(), 0);
  std::shuffle(ids.begin(), ids.end(), std::mt19937_64(seed));
  Sample sample;
  sample.ids.assign(ids.begin(), ids.begin() + 30);
  sample.ids.insert(sample.ids.end(), ids.begin(), ids.begin() + 30);
  return sample;
}

/// How many of the 29 tokens that follow in the second saying are held for the likeliest.
int64_t continued(double copying, uint64_t seed) {
  const torch::NoGradGuard no_gradients;
  LoadedModel model = new_model(config_with(3), "config.json", Variant::kGated, "",
                                {.seed = seed, .copying = copying});
  const Sample sample = said_twice(seed);
  const TorchBatch batch =
      make_torch_batch(pack({{sample}}), model.module->config(), Variant::kGated);
  const torch::Tensor likeliest = model.module->logits(batch, {})[0].argmax(-1);
  int64_t right = 0;
  for (int64_t t = 30; t < 59; ++t) {
    right += likeliest[t].item<int64_t>() == sample.ids[static_cast<size_t>(t + 1)];
  }
  return right;
}

TEST(CopyingHeads, WhatIsSaidAgainGoesOnAsItDid) {
  for (const uint64_t seed : {1, 2, 3}) {
    EXPECT_GE(continued(2.5, seed), 24) << "seed " << seed;
    EXPECT_LE(continued(0, seed), 2) << "seed " << seed;
  }
}

/// What biases alone make of q . k / sqrt(d) at distances 0 to 60.
torch::Tensor scores_by_distance(double theta, double strength, double distance) {
  torch::Tensor q = torch::zeros({64}), k = torch::zeros({64});
  prefer_distance(q, k, theta, strength, distance);
  const auto at = [&](const torch::Tensor& head, const torch::Tensor& positions) {
    return rotate(head.view({1, 1, 64}).expand({positions.size(0), 1, 64}),
                  rotary_angles(positions, 64, theta));
  };
  const torch::Tensor positions = torch::arange(61);
  return (at(q, torch::full({61}, 60)) * at(k, 60 - positions)).sum({1, 2}) / 8;
}

TEST(PreferredDistance, IsWhereScoresAreGreatest) {
  for (const int64_t distance : {0, 1, 5}) {
    const torch::Tensor scores = scores_by_distance(1e5, 6, static_cast<double>(distance));
    EXPECT_EQ(scores.argmax().item<int64_t>(), distance);
    EXPECT_NEAR(scores[distance].item<double>(), 36, 1e-3);
    // Sharp: e^4 = 55 times the weight of any other token.
    EXPECT_GT(36 - std::get<0>(scores.topk(2))[1].item<double>(), 4);
  }
}

TEST(CopyingHeads, HeadsThatShareKeysAreRefused) {
  EXPECT_THROW(
      new_model(config_with(1), "config.json", Variant::kGated, "", {.seed = 1, .copying = 2.5}),
      InputError);
}

}  // namespace
}  // namespace owl3::train
