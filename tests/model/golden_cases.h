// Every golden checkpoint in both precisions, as parameters of tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>

#include "owl3/options.h"

namespace owl3 {

using GoldenCase = std::tuple<std::string, Precision>;

inline auto every_golden_case() {
  return testing::Combine(testing::Values("gated-tied", "gated-untied", "unified"),
                          testing::Values(Precision::kFloat32, Precision::kBFloat16));
}

/// "gated_tied_float32"
inline std::string golden_case_name(const testing::TestParamInfo<GoldenCase>& test) {
  std::string name = std::get<0>(test.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name + (std::get<1>(test.param) == Precision::kFloat32 ? "_float32" : "_bf16");
}

}  // namespace owl3
