// LoRA adapters: they start as nothing, learn alone, and come back from PEFT's layout.
#include "train/lora.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "formats/lora_adapter.h"
#include "train/model_files.h"
#include "train/parameter_groups.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

using namespace test;
namespace fs = std::filesystem;

class Lora : public testing::TestWithParam<std::string> {
 protected:
  Lora() : folder_(fs::path(testing::TempDir()) / ("owl3-lora-" + std::to_string(::getpid()))) {
    torch::manual_seed(1);
  }
  ~Lora() override { fs::remove_all(folder_); }

  static Owl3Module fresh() { return load_checkpoint(golden_model(GetParam())).module; }

  static TorchBatch batch_for(const Owl3Module& module) {
    return make_torch_batch(pack({some_samples(module->config().vocab_size)}), module->config(),
                            module->variant());
  }

  static torch::Tensor logits_of(Owl3Module module) {
    const torch::NoGradGuard no_gradients;
    module->eval();
    return module->logits(batch_for(module), some_features(module->config()));
  }

  /// A step of plain gradient descent, so that the adapters do something.
  static void learn(Owl3Module module, double rate) {
    module->train();
    module->loss_sum(batch_for(module), some_features(module->config())).backward();
    const torch::NoGradGuard no_gradients;
    for (const NamedParameter& parameter : trainable_parameters(*module)) {
      parameter.tensor.sub_(parameter.tensor.grad(), rate);
    }
  }

  fs::path folder_;
};

INSTANTIATE_TEST_SUITE_P(Variants, Lora, testing::Values("gated-tied", "unified"),
                         [](const auto& test) { return test.param.substr(0, 5); });

TEST_P(Lora, StartsEqualToTheBaseModel) {
  const torch::Tensor base = logits_of(fresh());
  Owl3Module module = fresh();
  apply_lora(*module, {.rank = 4, .targets = {"all", "vision2text_model"}});
  EXPECT_EQ(largest_difference(logits_of(module), base), 0);
}

TEST_P(Lora, TrainsTheAdaptersOfItsTargetsAlone) {
  Owl3Module module = fresh();
  apply_lora(*module, {.rank = 2, .dropout = 0, .targets = {"q_proj", "v_kv_proj"}});
  set_trainable(*module, {});
  std::set<std::string> layers;
  for (const NamedParameter& parameter : trainable_parameters(*module)) {
    EXPECT_TRUE(is_adapter(parameter.name)) << parameter.name;
    const std::string before = parameter.name.substr(0, parameter.name.find(".lora_"));
    layers.insert(before.substr(before.rfind('.') + 1));
  }
  EXPECT_EQ(layers, (std::set<std::string>{"q_proj", "v_kv_proj"}));
  const torch::Tensor before = logits_of(module);
  learn(module, 1e-2);
  EXPECT_GT(largest_difference(logits_of(module), before), 1e-3);
}

TEST_P(Lora, MergedIntoTheWeightsItSaysTheSame) {
  Owl3Module module = fresh();
  apply_lora(*module, {.rank = 4, .dropout = 0, .targets = {"all", "vision2text_model"}});
  set_trainable(*module, {});
  learn(module, 1e-2);
  const torch::Tensor with_adapter = logits_of(module);
  merge_lora(*module);
  for (const auto& parameter : module->named_parameters()) {
    EXPECT_FALSE(is_adapter(parameter.key())) << parameter.key();
  }
  EXPECT_LT(largest_difference(logits_of(module), with_adapter), 1e-4);
  EXPECT_GT(largest_difference(logits_of(module), logits_of(fresh())), 1e-3);
}

TEST_P(Lora, GoesThroughPeftsFilesAndFitsTheInferenceEngine) {
  const LoraOptions options = {.rank = 3, .alpha = 7, .dropout = 0, .targets = {"all"}};
  Owl3Module module = fresh();
  apply_lora(*module, options);
  set_trainable(*module, {});
  learn(module, 1e-2);
  save_lora(folder_, *module, options, "base", DType::kF32);

  Owl3Module again = fresh();
  load_lora(folder_, *again);
  EXPECT_LT(largest_difference(logits_of(again), logits_of(module)), 1e-5);
  check_lora_adapter(load_lora_adapter(folder_, 1.0), Checkpoint::open(golden_model(GetParam())));
}

TEST_P(Lora, RefusesATargetThatIsNoLayer) {
  Owl3Module module = fresh();
  EXPECT_THROW(apply_lora(*module, {.targets = {"q_proj", "qproj"}}), UsageError);
}

}  // namespace
}  // namespace owl3::train
