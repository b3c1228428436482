// The model against an independent float32 implementation: every golden prompt, in both precisions,
// read whole, cut in two at every position, and token by token.
#include <gtest/gtest.h>

#include "eval/golden_check.h"

namespace owl3 {
namespace {

class Golden : public testing::TestWithParam<std::tuple<std::string, Precision>> {};

INSTANTIATE_TEST_SUITE_P(
    EveryCheckpoint, Golden,
    testing::Combine(testing::Values("gated-tied", "gated-untied", "unified"),
                     testing::Values(Precision::kFloat32, Precision::kBFloat16)),
    [](const auto& test) {
      std::string name = std::get<0>(test.param);
      std::replace(name.begin(), name.end(), '-', '_');
      return name + (std::get<1>(test.param) == Precision::kFloat32 ? "_float32" : "_bf16");
    });

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
