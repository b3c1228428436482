// The whole model on LibTorch's CPU: every golden, what attention reads, and conversations that
// share their steps.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/scratch_folder.h"
#include "eval/evidence_check.h"
#include "eval/golden_check.h"
#include "model/converted.h"
#include "model/golden_cases.h"
#include "operation_recorder.h"
#include "torch_device.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

using test::torch_cpu;

fs::path golden_folder(const std::string& name) {
  return fs::path(OWL3_TEST_DATA) / "model" / name;
}

void expect_golden(const fs::path& folder, const GoldenOptions& options,
                   std::unique_ptr<Backend> backend = nullptr) {
  if (backend == nullptr) backend = torch_cpu(options.model_options.precision);
  const GoldenReport report = check_golden(folder, options, std::move(backend));
  for (const GoldenResult& result : report.results) {
    EXPECT_TRUE(result.passed) << result.name << ": cosine " << result.min_cosine << ", difference "
                               << result.max_difference << ", between cuts "
                               << result.split_difference << ", greedy " << result.greedy_matches
                               << "/" << result.greedy_tokens;
  }
  EXPECT_TRUE(report.passed()) << "likeliest " << report.top1();
}

class TorchGolden : public testing::TestWithParam<GoldenCase> {};

INSTANTIATE_TEST_SUITE_P(EveryCheckpoint, TorchGolden, every_golden_case(), golden_case_name);

TEST_P(TorchGolden, Holds) {
  const auto& [folder, precision] = GetParam();
  GoldenOptions options;
  options.model_options.precision = precision;
  options.splits = folder == "unified" && precision == Precision::kFloat32;  // it takes long
  expect_golden(golden_folder(folder), options);
}

TEST_P(TorchGolden, HoldsWhereStepsAreRepeated) {
  const auto& [folder, precision] = GetParam();
  GoldenOptions options;
  options.model_options.precision = precision;
  options.splits = false;
  const auto recorder = std::make_shared<test::OperationRecorder>();
  auto backend = make_torch_backend("cpu", {.precision = precision, .threads = 1},
                                    test::record_operations(recorder));
  *recorder = {};
  expect_golden(golden_folder(folder), options, std::move(backend));
  EXPECT_GT(recorder->launches, recorder->recordings);
}

TEST_P(TorchGolden, HoldsWithVisionAndVisualMemoryInInt8) {
  const auto& [folder, precision] = GetParam();
  GoldenOptions options;
  options.model_options = {precision, /*vision_int8=*/true, /*visual_memory_int8=*/true, 2};
  options.min_cosine = 0.9;  // both at once have no floors of their own
  options.splits = false;
  expect_golden(golden_folder(folder), options);
}

TEST_P(TorchGolden, TellsTheEvidence) {
  const auto& [folder, precision] = GetParam();
  EvidenceCheckOptions options;
  options.model_options.precision = precision;
  const EvidenceReport report =
      check_evidence(fs::path(OWL3_TEST_DATA) / "evidence" / folder, options, torch_cpu(precision));
  for (const EvidenceCheck& check : report.results) {
    EXPECT_TRUE(check.passed) << check.prompt << ", layer " << check.layer << ": " << check.worst;
  }
}

TEST(TorchGoldenOfFewerBits, Holds) {
  for (const DType type : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
    const ScratchFolder folder;
    convert(golden_folder("unified"), folder / "x.gguf", {type, DType::kQ8_0, {}});
    for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
      GoldenOptions options;
      options.model_options.precision = precision;
      options.splits = false;
      options.model = folder / "x.gguf";
      expect_golden(golden_folder("unified"), options);
    }
  }
}

/// LibTorch's products are other kernels for other numbers of rows: what a conversation gets in
/// company is within rounding of what it gets alone, not the same bits.
TEST_P(TorchGolden, InCompanyAsAloneWithinRounding) {
  const auto& [folder, precision] = GetParam();
  ModelOptions options;
  options.precision = precision;
  Owl3Model model(Checkpoint::open(golden_folder(folder)), torch_cpu(precision), options);
  const std::vector<std::vector<int32_t>> texts = {
      {5, 9, 2}, {7}, {3, 1, 4, 1, 5, 9, 2, 6}, {8, 8, 8, 8, 8}};
  std::vector<Tensor> alone;
  std::vector<Sequence> sequences;
  for (const auto& ids : texts) {
    Sequence sequence = model.decoder().new_sequence();
    const SequenceRows rows = {sequence, ids};
    alone.push_back(model.decoder().next_logits({&rows, 1}));
    sequences.push_back(model.decoder().new_sequence());
  }
  std::vector<SequenceRows> step;
  for (size_t i = 0; i < texts.size(); ++i) step.push_back({sequences[i], texts[i]});
  const Tensor together = model.decoder().next_logits(step);
  const double tolerance = precision == Precision::kFloat32 ? 1e-4 : 0.1;
  for (size_t i = 0; i < texts.size(); ++i) {
    for (int64_t v = 0; v < alone[i].size(); ++v) {
      ASSERT_NEAR(together.f32()[static_cast<int64_t>(i) * alone[i].size() + v], alone[i].f32()[v],
                  tolerance);
    }
  }
}

}  // namespace
}  // namespace owl3
