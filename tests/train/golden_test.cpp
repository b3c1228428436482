// The trainer against independent implementations: losses, gradients, logits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/mapped_file.h"
#include "train/golden_training.h"
#include "train/model_files.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

/// "gated-tied" as a test's name.
std::string test_name(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class GoldenTraining : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Stages, GoldenTraining,
                         testing::Values("gated-untied-stage1", "unified-stage2",
                                         "gated-tied-stage3"),
                         test_name);

TEST_P(GoldenTraining, HasTheLossesAndGradientsOfAnotherImplementation) {
  const GoldenTrainingReport report =
      check_golden_training(std::filesystem::path(OWL3_TEST_DATA) / "train" / GetParam(), {});
  EXPECT_EQ(report.losses.size(), 6u);
  EXPECT_TRUE(report.only_ours.empty() && report.only_theirs.empty());
  for (const auto* list : {&report.losses, &report.global_norms, &report.gradient_norms}) {
    for (const GoldenComparison& c : *list) {
      EXPECT_TRUE(c.passed()) << c.name << ": " << c.found << " instead of " << c.expected;
    }
  }
  // Far inside the tolerance, so that a small fault does not hide in it.
  EXPECT_LT(report.losses[0].difference(), 1e-5);
  for (const GoldenComparison& c : report.gradient_norms) EXPECT_LT(c.difference(), 1e-4) << c.name;
}

class GoldenLogits : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Models, GoldenLogits,
                         testing::Values("gated-tied", "gated-untied", "unified"), test_name);

torch::Tensor read_floats(const std::filesystem::path& path, const std::vector<int64_t>& shape) {
  const auto file = MappedFile::open(path);
  torch::Tensor tensor = torch::empty(shape);
  EXPECT_EQ(file->bytes().size(), tensor.nbytes());
  std::memcpy(tensor.data_ptr(), file->bytes().data(), tensor.nbytes());
  return tensor;
}

TEST_P(GoldenLogits, AreThoseOfAnotherImplementation) {
  const auto folder = test::golden_model(GetParam());
  LoadedModel model = load_checkpoint(folder);
  const auto file = MappedFile::open(folder / "golden.json");
  const auto* text = reinterpret_cast<const char*>(file->bytes().data());
  const auto golden = nlohmann::json::parse(text, text + file->bytes().size());
  const torch::NoGradGuard no_gradients;
  const torch::Tensor features = model.module->encode_images(
      read_floats(folder / "pixel_values.f32", golden.at("pixel_values")));
  EXPECT_LT(
      test::largest_difference(features.slice(0, 0, 4), read_floats(folder / "vision_features.f32",
                                                                    golden.at("vision_features"))),
      1e-4);
  for (const auto& [name, prompt] : golden.at("prompts").items()) {
    test::Sample sample{prompt.at("input_ids"), prompt.at("media_positions"), {}, 1};
    for (int32_t i = 0; i < std::ssize(sample.image_positions); ++i) sample.images.push_back(i);
    const TorchBatch batch =
        make_torch_batch(test::pack({{sample}}), model.module->config(), model.module->variant());
    const torch::Tensor logits = model.module->logits(batch, features)[0];
    const torch::Tensor expected =
        read_floats(folder / (name + ".logits.f32"), prompt.at("logits"));
    EXPECT_LT(test::largest_difference(logits.slice(0, -expected.size(0)), expected), 2e-4) << name;
  }
}

}  // namespace
}  // namespace owl3::train
