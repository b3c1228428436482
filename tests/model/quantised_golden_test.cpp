// Weights of fewer bits against the independent float32 implementation, and against the same model
// with its own weights where the goldens are too narrow for 256-value blocks. The floors are those
// of `owl3 inspect golden`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backend/make_backend.h"
#include "core/scratch_folder.h"
#include "eval/golden_check.h"
#include "formats/random_checkpoint.h"
#include "model/converted.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

class QuantisedGolden : public testing::TestWithParam<std::tuple<std::string, DType>> {};

INSTANTIATE_TEST_SUITE_P(EveryCheckpoint, QuantisedGolden,
                         testing::Combine(testing::Values("gated-tied", "gated-untied", "unified"),
                                          testing::Values(DType::kQ8_0, DType::kQ6_K, DType::kQ4_K,
                                                          DType::kQ4_0)),
                         [](const auto& test) {
                           std::string name = std::get<0>(test.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + "_" + std::string(short_name_of(std::get<1>(test.param)));
                         });

TEST_P(QuantisedGolden, HoldsTheFloorsOfItsType) {
  const auto& [name, type] = GetParam();
  const fs::path golden = fs::path(OWL3_TEST_DATA) / "model" / name;
  const ScratchFolder folder;
  convert(golden, folder / "x.gguf", {type, DType::kQ8_0, {}});
  for (const Precision precision : kPrecisions) {
    GoldenOptions options;
    options.model_options.precision = precision;
    options.model_options.threads = 2;
    options.splits = false;  // with them, a test takes up to a minute
    options.model = folder / "x.gguf";
    const GoldenReport report = check_golden(golden, options);
    EXPECT_GE(report.results.size(), 9u);
    EXPECT_GE(report.top1(), report.tolerance.min_top1);
    for (const GoldenResult& result : report.results) {
      EXPECT_TRUE(result.passed) << result.name << ": min cosine " << result.min_cosine
                                 << ", max difference " << result.max_difference;
    }
  }
}

class Int8Golden : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(All, Int8Golden, testing::Values("gated-tied", "gated-untied", "unified"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(Int8Golden, VisionAndVisualMemoryHoldTheirFloors) {
  const fs::path golden = fs::path(OWL3_TEST_DATA) / "model" / GetParam();
  for (const bool vision : {true, false}) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
      GoldenOptions options;
      options.model_options = {precision, vision, !vision, 2};
      options.splits = false;
      const GoldenReport report = check_golden(golden, options);
      EXPECT_GE(report.top1(), report.tolerance.min_top1);
      for (const GoldenResult& result : report.results) {
        EXPECT_TRUE(result.passed) << (vision ? "vision, " : "visual memory, ") << result.name
                                   << ": min cosine " << result.min_cosine;
      }
    }
  }
}

TEST(ConvertedGolden, ABFloat16FileIsTheCheckpointItself) {
  for (const char* name : {"gated-untied", "unified"}) {
    const fs::path golden = fs::path(OWL3_TEST_DATA) / "model" / name;
    const ScratchFolder folder;
    convert(golden, folder / "x.gguf", {DType::kBF16, DType::kBF16, {}});
    GoldenOptions options;
    options.model_options.precision = Precision::kFloat32;
    options.model_options.threads = 2;
    options.splits = false;
    options.model = folder / "x.gguf";
    const GoldenReport report = check_golden(golden, options);
    EXPECT_TRUE(report.passed());
    for (const GoldenResult& result : report.results) EXPECT_LT(result.max_difference, 1e-4);
  }
}

struct Agreement {
  double min_cosine = 1;
  double top1 = 0;
};

Agreement agreement_of(const Tensor& ours, const Tensor& theirs) {
  Agreement agreement;
  const int64_t rows = ours.dim(0);
  const int64_t width = ours.dim(1);
  for (int64_t row = 0; row < rows; ++row) {
    const float* a = ours.f32() + row * width;
    const float* b = theirs.f32() + row * width;
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < width; ++i) {
      ab += double{a[i]} * double{b[i]};
      aa += double{a[i]} * double{a[i]};
      bb += double{b[i]} * double{b[i]};
    }
    agreement.min_cosine = std::min(agreement.min_cosine, ab / std::sqrt(aa * bb));
    const bool same = std::max_element(a, a + width) - a == std::max_element(b, b + width) - b;
    agreement.top1 += same ? 1 / static_cast<double>(rows) : 0;
  }
  return agreement;
}

/// A random model as wide as blocks of 256 need, and the logits of one prompt with an image.
class WideModel {
 public:
  WideModel() {
    CheckpointShape shape = checkpoint_shape("tiny");
    shape.config.hidden_size = 256;
    shape.config.intermediate_size = 768;
    write_random_checkpoint(folder_.path(), shape, {}, nullptr);
  }

  const fs::path& path() const { return folder_.path(); }
  fs::path file() const { return folder_ / "x.gguf"; }

  static Tensor logits_of(const fs::path& path, Precision precision) {
    ModelOptions options = {precision};
    options.threads = 2;
    Owl3Model model(Checkpoint::open(path), make_backend(options), options);
    const int64_t side = model.config().vision.image_size;
    Tensor pixels = make_tensor(DType::kF32, {1, 3, side, side});
    std::mt19937 random(3);
    for (int64_t i = 0; i < pixels.size(); ++i) {
      pixels.f32()[i] = static_cast<float>(random() % 2001) / 1000 - 1;
    }
    Sequence sequence = model.decoder().new_sequence();
    sequence.images.push_back({2, model.remember_images(pixels).front()});
    std::vector<int32_t> ids(64);
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % 500);
    return model.decoder().logits(model.decoder().forward(sequence, ids));
  }

 private:
  ScratchFolder folder_;
};

TEST(QuantisedWideModel, HoldsTheFloorsOfItsType) {
  const WideModel wide;
  const Tensor exact = WideModel::logits_of(wide.path(), Precision::kFloat32);
  for (const DType type : {DType::kQ8_0, DType::kQ6_K, DType::kQ4_K, DType::kQ4_0}) {
    convert(wide.path(), wide.file(), {type, DType::kQ8_0, {}});
    ASSERT_EQ(smallest_type(Checkpoint::open(wide.file())), type);
    for (const Precision precision : kPrecisions) {
      const Tensor logits = WideModel::logits_of(wide.file(), precision);
      const Agreement agreement = agreement_of(logits, exact);
      const GoldenTolerance tolerance = GoldenTolerance::of({precision}, type);
      EXPECT_GE(agreement.min_cosine, tolerance.min_cosine) << short_name_of(type);
      EXPECT_GE(agreement.top1, tolerance.min_top1) << short_name_of(type);
      RecordProperty(
          fmt::format("{}_{}", short_name_of(type), static_cast<int>(precision)),
          fmt::format("min cosine {:.5f}, top-1 {:.3f}", agreement.min_cosine, agreement.top1));
    }
  }
}

}  // namespace
}  // namespace owl3
