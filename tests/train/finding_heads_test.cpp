// Heads that find images by words, in a decoder that has learnt nothing yet.
#include "train/finding_heads.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "train/attention_heads.h"
#include "train/model_files.h"
#include "train/siglip_pretraining.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

using torch::Tensor;

constexpr int64_t kWords = 12;
constexpr int64_t kImageToken = 19;

std::string config_with(const std::string& hyper_layers = "[1, 3]") {
  return R"({"hidden_size": 96, "num_attention_heads": 3, "num_hidden_layers": 4,
             "intermediate_size": 128, "vocab_size": 20, "hyper_layers": )" +
         hyper_layers + R"(, "rope_theta": 100000, "tie_word_embeddings": true,
             "vision_config": {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2,
                               "intermediate_size": 48, "image_size": 12, "patch_size": 4}})";
}

/// Twelve pictures, and an encoder that has learnt which of twelve words is whose.
class FindingHeads : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    torch::manual_seed(5);
    pictures_ = torch::randn({kWords, 3, 12, 12}).clamp(-1, 1);
    VisionConfig vision = parse_model_config(config_with(), "config.json").vision;
    vision.num_hidden_layers = 2;  // those that are read
    SiglipPretrainer pretrainer(vision, TextTowerConfig{20, 32, 1, 2, 32, 4}, 3);
    std::vector<std::vector<int64_t>> words;
    for (int64_t word = 0; word < kWords; ++word) words.push_back({word});
    const TextBatch texts = make_text_batch(words, 4);
    torch::optim::AdamW optimiser(pretrainer->parameters(), torch::optim::AdamWOptions(3e-3));
    for (int step = 0; step < 150; ++step) {
      optimiser.zero_grad();
      pretrainer->loss(pictures_, texts).backward();
      optimiser.step();
    }
    pretrainer->save(folder_->path(), DType::kF32);
    folder_->write("config.json", config_with());
  }
  static void TearDownTestSuite() {
    folder_.reset();
    pictures_ = Tensor();
  }

  static LoadedModel model(const std::string& hyper_layers = "[1, 3]") {
    const Variant variant = hyper_layers == "[]" ? Variant::kUnified : Variant::kGated;
    LoadedModel model = new_model(config_with(hyper_layers), "config.json", variant, "",
                                  {.seed = 1, .nearest_image = 4, .copying = 2.5});
    load_vision(model, folder_->path());
    start_finding(*model.module, folder_->path(), {1.5, 0.02, 1, kImageToken});
    return model;
  }

  /// What the first hyper layer sees of each picture: [n, L, hidden].
  static Tensor images(Owl3ModuleImpl& module) {
    auto parameters = module.named_parameters();
    return normalised(torch::linear(module.encode_images(pictures_),
                                    parameters["vision2text_model.weight"],
                                    parameters["vision2text_model.bias"]));
  }
  static Tensor words(Owl3ModuleImpl& module) {
    return module.named_parameters()["language_model.model.embed_tokens.weight"].slice(0, 0,
                                                                                       kWords);
  }
  static int64_t right_ones(const Tensor& scores) {  // [words, images]
    return scores.argmax(1).eq(torch::arange(kWords)).sum().item<int64_t>();
  }

  static Tensor normalised(const Tensor& x) { return x / x.square().mean(-1, true).sqrt(); }

  static std::unique_ptr<ScratchFolder> folder_;
  static Tensor pictures_;
};

std::unique_ptr<ScratchFolder> FindingHeads::folder_;
Tensor FindingHeads::pictures_;

TEST_F(FindingHeads, AWordAttendsToTheImageThatShowsIt) {
  const torch::NoGradGuard no_gradients;
  LoadedModel loaded = model();
  Owl3ModuleImpl& module = *loaded.module;
  AttentionHead head(module, 2, 0);
  const Tensor q = normalised(words(module)).matmul(head.rows("q_proj.weight").t());
  const Tensor k = images(module).matmul(head.visual_keys().t()).mean(1);
  EXPECT_GE(right_ones(q.matmul(k.t())), kWords - 1);
}

TEST_F(FindingHeads, WhatAnImageShowsIsWhatItsWordMeans) {
  const torch::NoGradGuard no_gradients;
  LoadedModel loaded = model();
  Owl3ModuleImpl& module = *loaded.module;
  AttentionHead nearest(module, 0, 2);
  // What the words behind an image are given, and how much that makes the output favour a word.
  const Tensor seen =
      images(module).matmul(nearest.visual_values().t()).matmul(nearest.output().t()).mean(1);
  EXPECT_GE(right_ones(words(module).matmul(seen.t())), kWords - 1);
}

TEST_F(FindingHeads, AWordAttendsToTheNumberOfTheImageThatShowsIt) {
  const torch::NoGradGuard no_gradients;
  LoadedModel loaded = model();
  Owl3ModuleImpl& module = *loaded.module;
  AttentionHead nearest(module, 0, 2), told(module, 1, 2);
  const Tensor seen =
      images(module).matmul(nearest.visual_values().t()).matmul(nearest.output().t()).mean(1);
  const Tensor q = normalised(words(module)).matmul(told.rows("q_proj.weight").t());
  const Tensor k = seen.matmul(told.rows("k_proj.weight").t());
  EXPECT_GE(right_ones(q.matmul(k.t())), kWords - 1);
}

TEST_F(FindingHeads, ANumberAttendsToItselfBehindAnImage) {
  const torch::NoGradGuard no_gradients;
  LoadedModel loaded = model();
  Owl3ModuleImpl& module = *loaded.module;
  AttentionHead previous(module, 0, 0), same(module, 1, 1);
  const Tensor embeddings =
      module.named_parameters()["language_model.model.embed_tokens.weight"];  // [V, hidden]
  const Tensor told = normalised(embeddings)
                          .matmul(previous.rows("v_proj.weight").t())
                          .matmul(previous.output().t());
  const Tensor numbers = words(module);
  const Tensor q =
      normalised(numbers).matmul(same.rows("q_proj.weight").t()) + same.rows("q_proj.bias");
  const auto scores_behind = [&](int64_t token) {  // [words, words]
    const Tensor k = normalised(numbers + told[token]).matmul(same.rows("k_proj.weight").t());
    return q.matmul(k.t()) / std::sqrt(static_cast<double>(k.size(1)));
  };
  const Tensor behind_image = scores_behind(kImageToken);
  EXPECT_GE(right_ones(behind_image), kWords - 1);
  for (int64_t token = 0; token < kWords; ++token) {
    // Twenty times the attention.
    EXPECT_GT((behind_image - scores_behind(token)).diagonal().mean().item<double>(), 3) << token;
  }
}

/// Of a model without hyper layers: the pictures' tokens in its text, as its first layer reads
/// them.
class InterleavedFindingHeads : public FindingHeads {
 protected:
  InterleavedFindingHeads() : loaded_(model("[]")), module_(*loaded_.module) {
    auto parameters = module_.named_parameters();
    const auto layer = [&](const Tensor& x, const std::string& name) {
      return torch::linear(x, parameters["vision2text_model." + name + ".weight"],
                           parameters["vision2text_model." + name + ".bias"]);
    };
    images_ = layer(torch::gelu(layer(module_.encode_images(pictures_), "0")), "2");
  }

  const torch::NoGradGuard no_gradients_;
  LoadedModel loaded_;
  Owl3ModuleImpl& module_;
  Tensor images_;  // [n, L, hidden]
};

TEST_F(InterleavedFindingHeads, ImagesAreAboutAsLargeAsWords) {
  const double ratio =
      (images_.norm(2, -1).mean() / words(module_).norm(2, -1).mean()).item<double>();
  EXPECT_GT(ratio, 0.5);
  EXPECT_LT(ratio, 2);
}

TEST_F(InterleavedFindingHeads, AWordAttendsToTheImageThatShowsIt) {
  AttentionHead head(module_, 2, 0);
  const Tensor q = normalised(words(module_)).matmul(head.rows("q_proj.weight").t());
  const Tensor k = normalised(images_).matmul(head.rows("k_proj.weight").t()).mean(1);
  EXPECT_GE(right_ones(q.matmul(k.t())), kWords - 1);
}

TEST_F(InterleavedFindingHeads, AWordAttendsToTheNumberOfTheImageThatShowsIt) {
  AttentionHead behind(module_, 0, 2), told(module_, 1, 2);
  const Tensor last = normalised(images_).select(1, -1);  // [n, hidden] the one before the number
  const Tensor seen = last.matmul(behind.rows("v_proj.weight").t()).matmul(behind.output().t());
  const Tensor q = normalised(words(module_)).matmul(told.rows("q_proj.weight").t());
  EXPECT_GE(right_ones(q.matmul(seen.matmul(told.rows("k_proj.weight").t()).t())), kWords - 2);
  // A word before it is not taken for something that was seen.
  const Tensor values = behind.rows("v_proj.weight").slice(0, 0, last.size(1) / 6);
  const double of_words = normalised(words(module_)).matmul(values.t()).abs().max().item<double>();
  EXPECT_LT(of_words, 1e-3 * last.matmul(values.t()).abs().max().item<double>());
}

TEST_F(InterleavedFindingHeads, ANumberIsToldThatItStandsBehindAnImage) {
  AttentionHead previous(module_, 0, 0), same(module_, 1, 1);
  const auto preferred = [&](const Tensor& before) {  // [n]: by keys of what stands behind it
    const Tensor told =
        normalised(before).matmul(previous.rows("v_proj.weight").t()).matmul(previous.output().t());
    const int64_t channel = module_.config().head_size() / 2 - 1;  // of that preference
    return told.matmul(same.rows("k_proj.weight")[channel]) *
           same.rows("q_proj.bias")[channel].item<double>();
  };
  const double image = preferred(images_.select(1, -1)).min().item<double>();
  EXPECT_GT(image, 2 * preferred(words(module_)).max().item<double>());
}

TEST_F(FindingHeads, ModelsWithoutRoomForThemAreRefused) {
  EXPECT_THROW(model("[1, 2]"), InputError);
  EXPECT_THROW(model("[3]"), InputError);
  LoadedModel loaded =
      new_model(config_with(), "config.json", Variant::kGated, "", {.seed = 1, .copying = 2.5});
  const ScratchFolder empty;
  EXPECT_THROW(start_finding(*loaded.module, empty.path(), {1.5, 0.02, 1, kImageToken}),
               InputError);
}

}  // namespace
}  // namespace owl3::train
