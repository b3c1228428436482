// Checkpoints from and to the official layout, and the inference engine on what was written.
#include "train/model_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "formats/broken_weights.h"
#include "model/owl3_model.h"
#include "train/parameter_groups.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

using namespace test;
namespace fs = std::filesystem;

class ModelFilesTest : public testing::TestWithParam<std::string> {
 protected:
  ModelFilesTest()
      : folder_(fs::path(testing::TempDir()) /
                ("owl3-train-" + std::to_string(::getpid()) + "-" + GetParam())),
        original_(load_checkpoint(golden_model(GetParam()))) {}
  ~ModelFilesTest() override { fs::remove_all(folder_); }

  ModelConfig config() const { return original_.module->config(); }
  Sample sample() const { return some_samples(config().vocab_size)[0]; }

  torch::Tensor logits_of(Owl3Module module) const {
    const torch::NoGradGuard no_gradients;
    const TorchBatch batch = make_torch_batch(pack({{sample()}}), config(), module->variant());
    return module->logits(batch, module->encode_images(pixels()))[0];
  }

  /// [2, 3, S, S]
  torch::Tensor pixels() const {
    const int64_t S = config().vision.image_size;
    return torch::linspace(-1, 1, 2 * 3 * S * S).mul(50).sin().reshape({2, 3, S, S});
  }

  /// The inference engine's logits of the same sample, in float32.
  torch::Tensor engine_logits(const fs::path& folder) const {
    CpuOptions cpu;
    cpu.threads = 2;
    cpu.matrix_product = MatrixProduct::kFloat32;
    Owl3Model model(Checkpoint::open(folder), std::make_unique<CpuBackend>(cpu),
                    {Precision::kFloat32, false, false, 2});
    const torch::Tensor values = pixels().contiguous();
    Tensor input = make_tensor(DType::kF32, values.sizes().vec());
    std::memcpy(input.raw(), values.data_ptr(), input.size_bytes());
    const auto memories = model.remember_images(input);
    Sequence sequence = model.decoder().new_sequence();
    for (size_t i = 0; i < memories.size(); ++i) {
      sequence.images.push_back({sample().image_positions[i], memories[i]});
    }
    const auto wide = sample().ids;
    const std::vector<int32_t> ids(wide.begin(), wide.end());
    const Tensor logits = model.decoder().logits(model.decoder().forward(sequence, ids));
    torch::Tensor copy = torch::empty(logits.shape());
    std::memcpy(copy.data_ptr(), logits.raw(), copy.nbytes());
    return copy;
  }

  fs::path folder_;
  LoadedModel original_;
};

INSTANTIATE_TEST_SUITE_P(Models, ModelFilesTest,
                         testing::Values("gated-tied", "gated-untied", "unified"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(ModelFilesTest, WhatIsSavedIsLoadedAgain) {
  save_checkpoint(folder_, original_.module, original_.files, DType::kF32);
  const LoadedModel again = load_checkpoint(folder_);
  EXPECT_EQ(largest_difference(logits_of(again.module), logits_of(original_.module)), 0);
  EXPECT_EQ(again.files.tokenizer_json, original_.files.tokenizer_json);
  EXPECT_EQ(again.files.unread.size(), original_.files.unread.size());
}

TEST_P(ModelFilesTest, TheInferenceEngineHasTheSameLogits) {
  {  // a model that is no longer the golden's
    const torch::NoGradGuard no_gradients;
    for (auto& parameter : original_.module->parameters()) parameter.mul_(1.01);
  }
  save_checkpoint(folder_, original_.module, original_.files, DType::kF32);
  EXPECT_LT(largest_difference(engine_logits(folder_), logits_of(original_.module)), 1e-3);

  save_checkpoint(folder_, original_.module, original_.files, DType::kBF16);
  EXPECT_LT(largest_difference(engine_logits(folder_), logits_of(load_checkpoint(folder_).module)),
            1e-3);
}

TEST_P(ModelFilesTest, ANewModelIsTheSameForTheSameSeedAndHearsNoImagesYet) {
  const auto make = [&](uint64_t seed) {
    return new_model(original_.files.config_json, "config.json", original_.module->variant(), "",
                     {.seed = seed});
  };
  LoadedModel model = make(1);
  EXPECT_EQ(largest_difference(logits_of(model.module), logits_of(make(1).module)), 0);
  EXPECT_GT(largest_difference(logits_of(model.module), logits_of(make(2).module)), 0.01);
  // Other images change nothing: their values are silent.
  const torch::NoGradGuard no_gradients;
  const TorchBatch batch = make_torch_batch(pack({{sample()}}), config(), model.module->variant());
  const torch::Tensor features = some_features(config());
  EXPECT_LT(largest_difference(model.module->logits(batch, features),
                               model.module->logits(batch, features.flip(0))),
            original_.module->variant() == Variant::kGated ? 1e-7 : 1e-2);
}

TEST_P(ModelFilesTest, ANewModelMayLookAtTheNearestImageFirst) {
  const torch::NoGradGuard no_gradients;
  // Images 3, 0 and 2 at positions 1, 2 and 14; read at 15, right behind the last.
  const Sample three_images = some_samples(config().vocab_size)[3];
  const torch::Tensor features = some_features(config());
  torch::Tensor changed = features.clone();
  changed[2].neg_();
  const auto effect_of_the_last = [&](double nearest_image) {
    LoadedModel model =
        new_model(original_.files.config_json, "config.json", original_.module->variant(), "",
                  {.gate = 0, .nearest_image = nearest_image});
    const std::string layer =
        fmt::format("language_model.model.layers.{}.self_attn.", config().hyper_layers.front() - 1);
    auto parameters = model.module->named_parameters();
    parameters[layer + "v_kv_proj.weight"]
        .unflatten(0, {-1, 2, config().head_size()})
        .select(1, 1)  // the values, silent until now
        .fill_(0.02)
        .select(-1, 0)
        .fill_(-0.3);
    const TorchBatch batch =
        make_torch_batch(pack({{three_images}}), config(), model.module->variant());
    return largest_difference(model.module->logits(batch, changed)[0][15],
                              model.module->logits(batch, features)[0][15]);
  };
  EXPECT_GT(effect_of_the_last(8), 1.2 * effect_of_the_last(0));
}

TEST(ModelFiles, NotANumberIsNamedBeforeAnythingIsTrained) {
  const fs::path folder =
      fs::path(testing::TempDir()) / ("owl3-train-" + std::to_string(::getpid()) + "-broken");
  fs::remove_all(folder);
  fs::copy(golden_model("gated-tied"), folder);
  const std::string victim = "language_model.model.layers.1.mlp.up_proj.weight";
  owl3::test::put_bad(folder / "model.safetensors", victim, 5, owl3::test::Bad::kNan);
  try {
    load_checkpoint(folder);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_TRUE(std::string(error.what())
                    .starts_with((folder / "model.safetensors").string() + ": tensor " + victim +
                                 " holds NaN"))
        << error.what();
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace owl3::train
