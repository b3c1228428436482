// The model against an independent float32 implementation: every golden prompt, in both precisions,
// read whole, cut in two at every position, and token by token.
#include <gtest/gtest.h>

#include "eval/golden_check.h"
#include "model/golden_cases.h"

namespace owl3 {
namespace {

class Golden : public testing::TestWithParam<GoldenCase> {};

INSTANTIATE_TEST_SUITE_P(EveryCheckpoint, Golden, every_golden_case(), golden_case_name);

TEST_P(Golden, HoldsForEveryPromptHoweverItIsCut) {
  const auto& [folder, precision] = GetParam();
  GoldenOptions options;
  options.model_options.precision = precision;
  options.model_options.threads = 2;
  const GoldenReport report =
      check_golden(std::filesystem::path(OWL3_TEST_DATA) / "model" / folder, options);
  EXPECT_GE(report.results.size(), 9u);
  for (const GoldenResult& result : report.results) {
    EXPECT_TRUE(result.passed) << result.name << ": max difference " << result.max_difference
                               << ", min cosine " << result.min_cosine << ", split difference "
                               << result.split_difference << ", greedy " << result.greedy_matches
                               << "/" << result.greedy_tokens;
    // Far inside the tolerance, so that a small fault does not hide in it.
    if (precision == Precision::kFloat32) {
      EXPECT_LT(result.max_difference, 1e-4) << result.name;
    }
  }
}

}  // namespace
}  // namespace owl3
