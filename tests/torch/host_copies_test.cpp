// A step of decoding sends its work to the device and waits for it at the end, not in between.
#include "host_copies.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "model/owl3_model.h"
#include "torch_device.h"

namespace owl3 {
namespace {

std::unique_ptr<Owl3Model> golden_model(const char* name) {
  return std::make_unique<Owl3Model>(
      Checkpoint::open(std::filesystem::path(OWL3_TEST_DATA) / "model" / name),
      test::torch_cpu(Precision::kBFloat16), ModelOptions{});
}

class TorchHostCopies : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(BothVariants, TorchHostCopies, testing::Values("gated-tied", "unified"),
                         [](const auto& test) {
                           return std::string(test.param) == "unified" ? "unified" : "gated";
                         });

TEST_P(TorchHostCopies, AStepWaitsOnceForItsLogitsAndWhetherTheyAreNumbers) {
  const auto model = golden_model(GetParam());
  const int64_t side = model->config().vision.image_size;
  const Tensor pixels = random_tensor({2, 3, side, side}, 1);
  const std::vector<ImageMemoryPtr> images = model->remember_images(pixels);
  std::vector<Sequence> sequences;
  for (int i = 0; i < 3; ++i) {
    sequences.push_back(model->decoder().new_sequence());
    for (const ImageMemoryPtr& image : images) {
      sequences.back().images.push_back(
          {static_cast<int64_t>(sequences.back().images.size()), image});
    }
    const std::vector<int32_t> prompt = {4, 4, 7, 8, static_cast<int32_t>(9 + i)};
    const SequenceRows rows = {sequences.back(), prompt};
    model->decoder().next_logits({&rows, 1});
  }
  const std::vector<int32_t> next = {11};
  std::vector<SequenceRows> step;
  for (Sequence& sequence : sequences) step.push_back({sequence, next});
  const test::HostCopies copies;
  model->decoder().next_logits(step);
  EXPECT_EQ(copies.waits(), 1);
  // Ids, positions, which rows' logits are wanted: once a step, not once a layer.
  EXPECT_LE(copies.uploads(), 3);
  EXPECT_GT(copies.uploads(), 0);
}

TEST_P(TorchHostCopies, AnImageIsWaitedForOncePerStage) {
  const auto model = golden_model(GetParam());
  const int64_t side = model->config().vision.image_size;
  const Tensor pixels = random_tensor({1, 3, side, side}, 1);
  model->remember_images(pixels);
  const test::HostCopies copies;
  model->remember_images(pixels);
  EXPECT_EQ(copies.waits(), 3);  // encoder, projector, keys and values
  EXPECT_EQ(copies.uploads(), 1);
}

}  // namespace
}  // namespace owl3
