// Models without hyper layers, whose images stand in the text: the ablation.
#include "train/interleave.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/model_files.h"
#include "train/parameter_groups.h"
#include "train_fixtures.h"

namespace owl3::train {
namespace {

using namespace test;

TEST(Interleave, AnImagesTokensStandInPlaceOfItsOne) {
  Sample sample{{10, 2, 11, 12}, {1}, {3}, 2};
  Sample other{{13, 14, 2}, {2}, {0}, 1};
  const InterleavedRows made = interleave(pack({{sample, other}, {other}}, 1), 3);
  EXPECT_EQ(made.rows.rows, 2);
  EXPECT_EQ(made.rows.tokens, 11);  // 4 + 2 and 3 + 2; the padding is gone
  const std::vector<int64_t> ids(made.rows.ids.begin(), made.rows.ids.begin() + 11);
  EXPECT_EQ(ids, (std::vector<int64_t>{10, 2, 2, 2, 11, 12, 13, 14, 2, 2, 2}));
  const std::vector<int32_t> position(made.rows.position.begin(), made.rows.position.begin() + 11);
  EXPECT_EQ(position, (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4}));
  const std::vector<int64_t> labels(made.rows.labels.begin(), made.rows.labels.begin() + 11);
  EXPECT_EQ(labels,
            (std::vector<int64_t>{-100, -100, -100, -100, 11, 12, -100, 14, -100, -100, -100}));
  EXPECT_EQ(made.images, (std::vector<int64_t>{3, 0, 0}));
  EXPECT_EQ(made.places, (std::vector<int64_t>{1, 2, 3, 8, 9, 10, 13, 14, 15}));
  EXPECT_EQ(made.rows.segment[10], 1);
  EXPECT_EQ(made.rows.segment[21], -1);
}

/// The sizes of a golden model, without hyper layers.
LoadedModel interleaved_model(Variant variant) {
  const LoadedModel golden = load_checkpoint(golden_model("unified"));
  auto config = nlohmann::json::parse(golden.files.config_json);
  config["hyper_layers"] = nlohmann::json::array();
  return new_model(config.dump(), "config", variant, "", {});
}

class InterleavedModel : public testing::Test {
 protected:
  InterleavedModel() : module_(interleaved_model(Variant::kUnified).module) {
    features_ = some_features(module_->config());
    samples_ = some_samples(module_->config().vocab_size);
    samples_[3].learnt_from = 15;  // behind its last image
  }

  double loss_of(const Batch& batch, const torch::Tensor& features) {
    return module_
        ->loss_sum(make_torch_batch(batch, module_->config(), module_->variant()), features)
        .item<double>();
  }

  Owl3Module module_;
  torch::Tensor features_;
  std::vector<Sample> samples_;
};

TEST_F(InterleavedModel, PackedSamplesDoNotSeeEachOther) {
  const torch::NoGradGuard no_gradients;
  double separate = 0;
  for (const Sample& sample : samples_) separate += loss_of(pack({{sample}}), features_);
  EXPECT_NEAR(loss_of(pack({samples_}), features_), separate, 1e-4 * separate);
}

TEST_F(InterleavedModel, SeesItsOwnImagesAndNoOthers) {
  const torch::NoGradGuard no_gradients;
  const Batch batch = pack({{samples_[0]}});  // images 0 and 1 of 4
  const double before = loss_of(batch, features_);
  torch::Tensor changed = features_.clone();
  changed[2].add_(3);
  EXPECT_EQ(loss_of(batch, changed), before);
  changed[1].add_(3);
  EXPECT_GT(std::abs(loss_of(batch, changed) - before), 1e-4);
}

TEST_F(InterleavedModel, TeachesTheProjector) {
  set_trainable(*module_, {ParameterGroup::kProjector, ParameterGroup::kDecoder});
  module_
      ->loss_sum(make_torch_batch(pack({samples_}), module_->config(), module_->variant()),
                 features_)
      .backward();
  for (const NamedParameter& parameter : trainable_parameters(*module_)) {
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    EXPECT_GT(parameter.tensor.grad().abs().max().item<double>(), 0) << parameter.name;
  }
}

TEST(InterleavedModels, HaveNoGates) {
  EXPECT_THROW(interleaved_model(Variant::kGated), InputError);
}

}  // namespace
}  // namespace owl3::train
