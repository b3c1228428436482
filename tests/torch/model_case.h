// The models of goldens, and how they compute, that a test goes through.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "torch_device.h"

namespace owl3::test {

struct ModelCase {
  std::string model;
  Precision precision;
  bool visual_memory_int8;
};

inline std::string name_of_case(const testing::TestParamInfo<ModelCase>& test) {
  std::string name =
      fmt::format("{}_{}{}", test.param.model, name_of_precision(test.param.precision),
                  test.param.visual_memory_int8 ? "_int8" : "");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace owl3::test
