// The model on a device: it asks the backend for everything and never looks at a tensor's numbers
// itself, which a backend whose memory nobody else can read proves.
#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "backend/guarded_backend.h"
#include "backend/make_backend.h"
#include "core/scratch_folder.h"
#include "eval/evidence_check.h"
#include "eval/golden_check.h"
#include "model/converted.h"
#include "model/golden_cases.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Backend> guarded(const ModelOptions& options) {
  return std::make_unique<GuardedBackend>(make_backend(options));
}

fs::path golden_folder(const std::string& name) {
  return fs::path(OWL3_TEST_DATA) / "model" / name;
}

/// Holds the goldens on a device, and what is computed there against the CPU, bit for bit.
void expect_golden_on_device(const fs::path& folder, const GoldenOptions& options) {
  const GoldenReport here = check_golden(folder, options);
  const GoldenReport there = check_golden(folder, options, guarded(options.model_options));
  EXPECT_EQ(there.passed(), here.passed());
  ASSERT_EQ(there.results.size(), here.results.size());
  for (size_t i = 0; i < there.results.size(); ++i) {
    EXPECT_TRUE(there.results[i].passed) << there.results[i].name;
    EXPECT_EQ(there.results[i].max_difference, here.results[i].max_difference);
    EXPECT_EQ(there.results[i].min_cosine, here.results[i].min_cosine);
  }
}

TEST(GuardedBackend, NobodyElseReadsItsTensors) {
  GuardedBackend backend(std::make_unique<CpuBackend>());
  Tensor host = make_tensor(DType::kF32, {2, 3});
  for (int64_t i = 0; i < host.size(); ++i) host.f32()[i] = static_cast<float>(i);
  const Tensor there = backend.upload(host);
  EXPECT_EQ(there.device(), backend.device());
  EXPECT_THROW(there.f32(), std::exception);
  EXPECT_THROW(there.raw(), std::exception);
  const volatile auto* address = static_cast<const float*>(there.on(backend.device()));
  EXPECT_DEATH(static_cast<void>(*address), "");
  const Tensor back = backend.download(there.rows(1, 2));
  EXPECT_EQ(back.f32()[2], 5.0f);
  // Nor does it take a tensor of another's memory for one of its own.
  EXPECT_THROW(backend.download(host), std::exception);
  EXPECT_THROW(backend.upload(there), std::exception);
}

class DeviceGolden : public testing::TestWithParam<GoldenCase> {};

INSTANTIATE_TEST_SUITE_P(EveryCheckpoint, DeviceGolden, every_golden_case(), golden_case_name);

TEST_P(DeviceGolden, IsTheCpusBitForBit) {
  const auto& [folder, precision] = GetParam();
  GoldenOptions options;
  options.model_options.precision = precision;
  options.model_options.threads = 2;
  options.splits = false;  // which tests/model/golden_test.cpp tries
  expect_golden_on_device(golden_folder(folder), options);
}

TEST_P(DeviceGolden, HoldsWithVisionAndVisualMemoryInInt8) {
  const auto& [folder, precision] = GetParam();
  GoldenOptions options;
  options.model_options = {precision, /*vision_int8=*/true, /*visual_memory_int8=*/true, 2};
  options.min_cosine = 0.9;  // both at once have no floors of their own
  options.splits = false;
  expect_golden_on_device(golden_folder(folder), options);
}

TEST_P(DeviceGolden, TellsTheSameEvidence) {
  const auto& [folder, precision] = GetParam();
  EvidenceCheckOptions options;
  options.model_options.precision = precision;
  options.model_options.threads = 2;
  options.splits = false;
  const fs::path golden = fs::path(OWL3_TEST_DATA) / "evidence" / folder;
  const EvidenceReport here = check_evidence(golden, options);
  const EvidenceReport there = check_evidence(golden, options, guarded(options.model_options));
  EXPECT_TRUE(there.passed());
  ASSERT_EQ(there.results.size(), here.results.size());
  for (size_t i = 0; i < there.results.size(); ++i) {
    EXPECT_EQ(there.results[i].by_image, here.results[i].by_image);
    EXPECT_EQ(there.results[i].by_key, here.results[i].by_key);
    EXPECT_EQ(there.results[i].gate, here.results[i].gate);
  }
}

TEST(DeviceGoldenOfFewerBits, IsTheCpusBitForBit) {
  for (const DType type : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
    const ScratchFolder folder;
    convert(golden_folder("unified"), folder / "x.gguf", {type, DType::kQ8_0, {}});
    GoldenOptions options;
    options.model_options.threads = 2;
    options.splits = false;
    options.model = folder / "x.gguf";
    expect_golden_on_device(golden_folder("unified"), options);
  }
}

}  // namespace
}  // namespace owl3
