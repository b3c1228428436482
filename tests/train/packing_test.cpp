// How samples are laid out in rows must not matter: losses and gradients stay the same.
#include <gtest/gtest.h>

#include "train/model_files.h"
#include "train/parameter_groups.h"
#include "train/precision.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

using namespace test;

struct Result {
  double loss = 0;
  std::vector<NamedParameter> parameters;
  std::vector<torch::Tensor> gradients;  // undefined where there is none
};

class Packing : public testing::TestWithParam<std::string> {
 protected:
  Packing() : module_(load_checkpoint(golden_model(GetParam())).module) {
    features_ = some_features(module_->config());
    samples_ = some_samples(module_->config().vocab_size);
  }

  /// The summed loss of all batches and its gradients.
  Result result_of(const std::vector<Batch>& batches) {
    module_->zero_grad();
    Result result;
    for (const Batch& batch : batches) {
      const torch::Tensor loss = module_->loss_sum(
          make_torch_batch(batch, module_->config(), module_->variant()), features_);
      loss.backward();
      result.loss += loss.item<double>();
    }
    result.parameters = trainable_parameters(*module_);
    for (const NamedParameter& parameter : result.parameters) {
      const torch::Tensor gradient = parameter.tensor.grad();
      result.gradients.push_back(gradient.defined() ? gradient.clone() : gradient);
    }
    return result;
  }

  static void expect_equal(const Result& a, const Result& b, double tolerance = 2e-5) {
    EXPECT_NEAR(a.loss, b.loss, 1e-4 * std::abs(a.loss));
    ASSERT_EQ(a.gradients.size(), b.gradients.size());
    for (size_t i = 0; i < a.gradients.size(); ++i) {
      const std::string& name = a.parameters[i].name;
      ASSERT_EQ(a.gradients[i].defined(), b.gradients[i].defined()) << name;
      if (!a.gradients[i].defined()) continue;
      const double size = a.gradients[i].norm().item<double>();
      EXPECT_LT((a.gradients[i] - b.gradients[i]).norm().item<double>(), tolerance * (size + 0.01))
          << name;
    }
  }

  Batch every_sample_packed() const { return pack({samples_}); }

  Owl3Module module_;
  torch::Tensor features_;
  std::vector<Sample> samples_;
};

INSTANTIATE_TEST_SUITE_P(Variants, Packing, testing::Values("gated-tied", "unified"),
                         [](const auto& test) { return test.param.substr(0, 5); });

TEST_P(Packing, OneRowOfAllSamplesEqualsARowForEach) {
  set_trainable(*module_, groups_of_stage(3));
  std::vector<Batch> separate;
  for (const Sample& sample : samples_) separate.push_back(pack({{sample}}));
  const Result expected = result_of(separate);
  EXPECT_GT(expected.loss, 10);
  expect_equal(expected, result_of({every_sample_packed()}));
  expect_equal(expected,
               result_of({pack({{samples_[3], samples_[1]}, {samples_[0], samples_[2]}})}));
}

TEST_P(Packing, PaddingDoesNotMatter) {
  set_trainable(*module_, groups_of_stage(3));
  expect_equal(result_of({every_sample_packed()}), result_of({pack({samples_}, 150)}));
}

TEST_P(Packing, OtherSegmentsAndLaterImagesAreNotSeen) {
  const torch::NoGradGuard no_gradients;
  const auto logits = [&](const torch::Tensor& features) {
    return module_->logits(
        make_torch_batch(every_sample_packed(), module_->config(), module_->variant()), features);
  };
  const torch::Tensor before = logits(features_);
  torch::Tensor changed = features_.clone();
  changed[1].add_(3);  // the second image of the first sample, at its position 7
  const torch::Tensor difference = (logits(changed) - before).abs().amax(-1)[0];
  const int64_t first_seen = GetParam() == "unified" ? 7 : 8;
  EXPECT_EQ(difference.slice(0, 0, first_seen).max().item<double>(), 0);
  EXPECT_GT(difference.slice(0, first_seen, 14).min().item<double>(), 1e-4);
  EXPECT_EQ(difference.slice(0, 14).max().item<double>(), 0);
}

TEST_P(Packing, GradientCheckpointingGivesTheSameGradients) {
  for (const int stage : {1, 3}) {
    set_trainable(*module_, groups_of_stage(stage));
    module_->set_gradient_checkpointing(false);
    const Result kept = result_of({every_sample_packed()});
    module_->set_gradient_checkpointing(true);
    expect_equal(kept, result_of({every_sample_packed()}), 1e-6);
  }
}

TEST_P(Packing, TextWithoutImagesTrainsTheDecoderAlone) {
  set_trainable(*module_, groups_of_stage(3));
  features_ = torch::Tensor();
  const Result result = result_of({pack({{samples_[1], samples_[1]}})});
  for (size_t i = 0; i < result.gradients.size(); ++i) {
    const auto group = group_of(result.parameters[i].name);
    const bool wanted = group == ParameterGroup::kDecoder || group == ParameterGroup::kEmbeddings;
    EXPECT_EQ(result.gradients[i].defined(), wanted) << result.parameters[i].name;
  }
}

TEST_P(Packing, BFloat16ProductsStayNearFloat32) {
  set_trainable(*module_, groups_of_stage(3));
  const Result exact = result_of({every_sample_packed()});
  const Autocast autocast(torch::kCPU, TrainPrecision::kBFloat16);
  const Result rounded = result_of({every_sample_packed()});
  EXPECT_NE(rounded.loss, exact.loss);
  EXPECT_NEAR(rounded.loss, exact.loss, 0.01 * exact.loss);
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    const double cosine =
        torch::cosine_similarity(exact.gradients[i].flatten(), rounded.gradients[i].flatten(), 0)
            .item<double>();
    EXPECT_GT(cosine, 0.95) << exact.parameters[i].name;
  }
}

}  // namespace
}  // namespace owl3::train
