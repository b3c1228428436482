// SigLIP pre-training: the loss against a plain loop, and what becomes of the encoder.
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <unistd.h>

#include <cmath>

#include "train/siglip_pretraining.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

using namespace test;
using torch::Tensor;

TEST(SiglipLoss, EqualsAPlainLoop) {
  torch::manual_seed(1);
  const int64_t n = 5, d = 7;
  const auto unit = [&] {
    const Tensor x = torch::randn({n, d});
    return x / x.norm(2, 1, true);
  };
  const Tensor x = unit(), y = unit();
  const TextBatch texts = make_text_batch({{1}, {2}, {1}, {3, 4}, {3}}, 8);
  const double scale = 4, bias = -1.5;
  double expected = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const bool pair = i == j || (i == 0 && j == 2) || (i == 2 && j == 0);
      const double logit = scale * (x[i] * y[j]).sum().item<double>() + bias;
      expected += std::log1p(std::exp(pair ? -logit : logit)) / n;
    }
  }
  const Tensor loss =
      sigmoid_pair_loss(x, y, texts.equal, torch::full({1}, scale), torch::full({1}, bias));
  EXPECT_NEAR(loss.item<double>(), expected, 1e-5);
}

ModelConfig small_config() {
  ModelConfig config;
  config.vision = {.hidden_size = 16,
                   .num_hidden_layers = 3,
                   .num_attention_heads = 2,
                   .intermediate_size = 24,
                   .image_size = 12,
                   .patch_size = 4};
  return config;
}

const TextTowerConfig kText = {.vocab_size = 20,
                               .hidden_size = 16,
                               .num_hidden_layers = 1,
                               .num_attention_heads = 2,
                               .intermediate_size = 16,
                               .max_tokens = 4};

TEST(SiglipPretraining, LearnsWhichTextBelongsToWhichImage) {
  SiglipPretrainer pretrainer(small_config().vision, kText, 3);
  torch::manual_seed(5);
  const Tensor pixels = torch::randn({6, 3, 12, 12});
  const TextBatch texts =
      make_text_batch({{1, 2}, {3, 2}, {4, 5, 2}, {6, 2}, {7, 8, 9, 2}, {2}}, 4);
  torch::optim::AdamW optimiser(pretrainer->parameters(), torch::optim::AdamWOptions(3e-3));
  const double before = pretrainer->loss(pixels, texts).item<double>();
  for (int step = 0; step < 150; ++step) {
    optimiser.zero_grad();
    pretrainer->loss(pixels, texts).backward();
    optimiser.step();
  }
  pretrainer->eval();  // in training, only some tokens of an image are looked at
  EXPECT_LT(pretrainer->loss(pixels, texts).item<double>(), before / 2);
  const Tensor found =
      torch::mm(pretrainer->embed_images(pixels), pretrainer->embed_texts(texts).t()).argmax(1);
  EXPECT_TRUE(found.equal(torch::arange(6)));
}

TEST(SiglipPretraining, TrainsAQuarterOfTheTokensAtATimeAndReadsThemAll) {
  SiglipPretrainer pretrainer(small_config().vision, kText, 3);
  torch::manual_seed(5);
  const Tensor pixels = torch::randn({2, 3, 12, 12});
  const Tensor some = pretrainer->embed_images(pixels), others = pretrainer->embed_images(pixels);
  EXPECT_GT(largest_difference(some, others), 1e-3);
  pretrainer->eval();
  const Tensor all = pretrainer->embed_images(pixels);
  EXPECT_EQ(largest_difference(all, pretrainer->embed_images(pixels)), 0);
}

TEST(SiglipPretraining, PaddingOfTextsDoesNotMatter) {
  SiglipPretrainer pretrainer(small_config().vision, kText, 3);
  const Tensor alone = pretrainer->embed_texts(make_text_batch({{3, 2}}, 4));
  const Tensor padded = pretrainer->embed_texts(make_text_batch({{3, 2}, {5, 6, 7, 2}}, 4))[0];
  EXPECT_LT(largest_difference(alone[0], padded), 1e-6);
}

TEST(SiglipPretraining, WhatIsSavedIsLoadedAgainWithItsLastLayer) {
  const auto folder =
      std::filesystem::path(testing::TempDir()) / ("owl3-siglip-" + std::to_string(::getpid()));
  SiglipPretrainer first(small_config().vision, kText, 3), second(small_config().vision, kText, 4);
  torch::manual_seed(5);
  const Tensor pixels = torch::randn({2, 3, 12, 12});
  first->eval();
  second->eval();
  first->save(folder, DType::kF32);
  EXPECT_GT(largest_difference(first->embed_images(pixels), second->embed_images(pixels)), 1e-3);
  second->load(folder);
  EXPECT_EQ(largest_difference(first->embed_images(pixels), second->embed_images(pixels)), 0);
  const TextBatch texts = make_text_batch({{3, 2}}, 4);
  EXPECT_EQ(largest_difference(first->embed_texts(texts), second->embed_texts(texts)), 0);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace owl3::train
