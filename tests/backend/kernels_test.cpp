// Every kernel on every instruction set this machine runs, against plain double precision.
#include "backend/cpu/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "random_tensor.h"

namespace owl3::cpu {
namespace {

struct Case {
  const Kernels* kernels;
};

class KernelsTest : public testing::TestWithParam<Case> {
 protected:
  const Kernels& kernels() const { return *GetParam().kernels; }
};

std::vector<Case> all_kernels() {
  const KernelList list = runnable_kernels();
  std::vector<Case> cases;
  for (int i = 0; i < list.count; ++i) cases.push_back({list.tables[i]});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, KernelsTest, testing::ValuesIn(all_kernels()),
                         [](const auto& test) { return std::string(test.param.kernels->name); });

constexpr DType kDTypes[] = {DType::kF32, DType::kF16, DType::kBF16};
constexpr Storage kStorages[] = {Storage::kF32, Storage::kF16, Storage::kBF16};

TEST_P(KernelsTest, PanelsMultiplyLikeTheDefinition) {
  const int64_t width = kernels().panel_columns;
  uint32_t seed = 1;
  for (int type = 0; type < 3; ++type) {
    for (const int64_t m : {1, 5, 12, 13, 31}) {
      for (const int64_t k : {1, 7, 16, 37, 130}) {
        for (const int64_t columns : {int64_t{1}, width / 2 + 1, width}) {
          const Tensor a = random_tensor({m, k}, ++seed);
          const Tensor w = random_tensor({columns, k}, ++seed, kDTypes[type]);
          const Tensor c0 = random_tensor({m, columns}, ++seed);
          std::vector<float> panel(static_cast<size_t>(width * k), NAN);
          kernels().pack_panel(kStorages[type], w.raw(), k, columns, k, panel.data());
          for (const bool accumulate : {false, true}) {
            std::vector<float> c(c0.f32(), c0.f32() + c0.size());
            kernels().multiply_panel(m, k, a.f32(), k, panel.data(), c.data(), columns, columns,
                                     accumulate);
            for (int64_t i = 0; i < m; ++i) {
              for (int64_t n = 0; n < columns; ++n) {
                double expected = accumulate ? element(c0, i * columns + n) : 0;
                for (int64_t j = 0; j < k; ++j) {
                  expected += element(a, i * k + j) * element(w, n * k + j);
                }
                ASSERT_NEAR(c[static_cast<size_t>(i * columns + n)], expected, 2e-4)
                    << "m " << m << " k " << k << " columns " << columns << " type " << type;
              }
            }
          }
        }
      }
    }
  }
}

TEST_P(KernelsTest, MatrixVectorProductsAreDotProducts) {
  uint32_t seed = 100;
  for (int type = 0; type < 3; ++type) {
    for (const int64_t m : {1, 2, 3, 6, 7, 13, 32}) {
      for (const int64_t k : {1, 15, 64, 75}) {
        const int64_t rows = 11;
        const Tensor w = random_tensor({rows, k}, ++seed, kDTypes[type]);
        const Tensor x = random_tensor({m, k}, ++seed);
        std::vector<float> y(static_cast<size_t>(m * rows), NAN);
        kernels().matvec(kStorages[type], w.raw(), k, rows, k, x.f32(), k, m, y.data(), rows,
                         false);
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t n = 0; n < rows; ++n) {
            double expected = 0;
            for (int64_t j = 0; j < k; ++j)
              expected += element(x, i * k + j) * element(w, n * k + j);
            ASSERT_NEAR(y[static_cast<size_t>(i * rows + n)], expected, 1e-4);
          }
        }
      }
    }
  }
}

TEST_P(KernelsTest, SmallProductsTakeAnyStrides) {
  const int64_t n = 4 * kernels().vector_width;
  for (const int64_t m : {1, 6, 17}) {
    const int64_t k = 33;
    const Tensor a = random_tensor({k, m}, 7);  // transposed
    const Tensor b = random_tensor({k, n}, 8);
    std::vector<float> c(static_cast<size_t>(m * n), NAN);
    kernels().multiply_small(m, n, k, a.f32(), 1, m, b.f32(), n, c.data(), n, false);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double expected = 0;
        for (int64_t t = 0; t < k; ++t) expected += element(a, t * m + i) * element(b, t * n + j);
        ASSERT_NEAR(c[static_cast<size_t>(i * n + j)], expected, 1e-4);
      }
    }
  }
}

TEST_P(KernelsTest, OnlineSoftmaxEqualsTheSoftmaxOverAllKeys) {
  const int64_t rows = kernels().vector_width;
  const int64_t keys = 40;
  const Tensor scores = random_tensor({keys, rows}, 21);
  std::vector<int32_t> limits;
  for (int64_t r = 0; r < rows; ++r) limits.push_back(static_cast<int32_t>((r * 13) % (keys + 1)));
  std::vector<float> maxima(static_cast<size_t>(rows), -std::numeric_limits<float>::infinity());
  std::vector<float> sums(static_cast<size_t>(rows), 0.0f);
  std::vector<float> scales(static_cast<size_t>(rows));
  for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, 25}, {25, 15}}) {
    std::vector<float> step(scores.f32() + first * rows, scores.f32() + (first + count) * rows);
    kernels().softmax_step(step.data(), count, rows, first, limits.data(), maxima.data(),
                           sums.data(), scales.data());
    for (int64_t j = 0; j < count; ++j) {
      for (int64_t r = 0; r < rows; ++r) {
        if (first + j >= limits[static_cast<size_t>(r)]) {
          EXPECT_EQ(step[static_cast<size_t>(j * rows + r)], 0.0f);
        }
      }
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t j = 0; j < limits[static_cast<size_t>(r)]; ++j) {
      sum += std::exp(element(scores, j * rows + r));
    }
    const double ours = sums[static_cast<size_t>(r)] == 0
                            ? 0
                            : double{sums[static_cast<size_t>(r)]} *
                                  std::exp(double{maxima[static_cast<size_t>(r)]});
    EXPECT_NEAR(ours, sum, 1e-5 * (sum + 1)) << "row " << r;
  }
}

TEST_P(KernelsTest, ConversionsRoundLikeTheTypes) {
  const Tensor x = random_tensor({1037}, 31);
  std::vector<uint16_t> rounded(1037);
  kernels().to_bf16(x.f32(), rounded.data(), 1037);
  std::vector<float> back(1037);
  kernels().to_float(Storage::kBF16, rounded.data(), back.data(), 1037);
  for (int64_t i = 0; i < 1037; ++i) {
    const bf16 expected = bf16::from_float(x.f32()[i]);
    ASSERT_EQ(rounded[static_cast<size_t>(i)], expected.bits);
    ASSERT_EQ(back[static_cast<size_t>(i)], static_cast<float>(expected));
  }
  std::vector<f16> halves;  // every finite half
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7c00) != 0x7c00) halves.push_back({static_cast<uint16_t>(bits)});
  }
  std::vector<float> floats(halves.size());
  kernels().to_float(Storage::kF16, halves.data(), floats.data(),
                     static_cast<int64_t>(halves.size()));
  for (size_t i = 0; i < halves.size(); ++i) ASSERT_EQ(floats[i], static_cast<float>(halves[i]));
}

TEST_P(KernelsTest, NormsAndActivationsMatchTheirFormulas) {
  for (const int64_t n : {1, 15, 16, 67, 1152}) {
    const Tensor x = random_tensor({n}, 41);
    const Tensor weight = random_tensor({n}, 42);
    const Tensor bias = random_tensor({n}, 43);
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) {
      mean += element(x, i) / static_cast<double>(n);
      squares += element(x, i) * element(x, i) / static_cast<double>(n);
    }
    double variance = 0;
    for (int64_t i = 0; i < n; ++i) {
      variance += (element(x, i) - mean) * (element(x, i) - mean) / static_cast<double>(n);
    }
    std::vector<float> rms(static_cast<size_t>(n)), layer(static_cast<size_t>(n));
    kernels().rms_norm(x.f32(), weight.f32(), 1e-6f, rms.data(), n);
    kernels().layer_norm(x.f32(), weight.f32(), bias.f32(), 1e-6f, layer.data(), n);
    std::vector<float> gelu(x.f32(), x.f32() + n), silu(x.f32(), x.f32() + n);
    kernels().gelu_tanh(gelu.data(), n);
    kernels().silu_multiply(x.f32(), weight.f32(), silu.data(), n);
    for (int64_t i = 0; i < n; ++i) {
      const double v = element(x, i);
      const auto at = static_cast<size_t>(i);
      EXPECT_NEAR(rms[at], v / std::sqrt(squares + 1e-6) * element(weight, i), 1e-5);
      EXPECT_NEAR(layer[at],
                  (v - mean) / std::sqrt(variance + 1e-6) * element(weight, i) + element(bias, i),
                  n == 1 ? 1e-2 : 2e-5);
      EXPECT_NEAR(gelu[at],
                  0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))),
                  1e-6);
      EXPECT_NEAR(silu[at], v / (1 + std::exp(-v)) * element(weight, i), 1e-6);
    }
  }
}

TEST_P(KernelsTest, ActivationsSurviveHugeInputs) {
  std::vector<float> x = {1e30f, -1e30f, 100.0f, -100.0f, 0.0f};
  std::vector<float> gelu = x;
  kernels().gelu_tanh(gelu.data(), 3);
  EXPECT_EQ(gelu[2], 100.0f);
  std::vector<float> ones(5, 1.0f);
  kernels().silu_multiply(x.data(), ones.data(), x.data(), 5);
  EXPECT_EQ(x[0], 1e30f);
  EXPECT_NEAR(x[3], 0.0f, 1e-30f);
  EXPECT_EQ(x[4], 0.0f);
}

TEST_P(KernelsTest, NotANumberIsNeverRoundedAway) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (const int64_t n : {1, 16, 37, 64}) {
      for (int64_t at = 0; at < n; ++at) {
        std::vector<float> x(static_cast<size_t>(n), 0.5f);
        x[static_cast<size_t>(at)] = bad;
        std::vector<int8_t> rounded(x.size());
        EXPECT_TRUE(std::isnan(kernels().round_int8(x.data(), n, rounded.data()))) << bad << at;
        EXPECT_FALSE(std::isfinite(kernels().sum_of_squares(x.data(), n)));
        std::vector<uint16_t> bf16s(x.size());
        kernels().to_bf16(x.data(), bf16s.data(), n);
        EXPECT_FALSE(std::isfinite(static_cast<float>(bf16{bf16s[static_cast<size_t>(at)]})));
        const f16 half = f16::from_float(bad);
        std::vector<uint16_t> halves(x.size(), f16::from_float(-0.5f).bits);
        halves[static_cast<size_t>(at)] = half.bits;
        std::vector<float> wide(x.size());
        kernels().to_float(Storage::kF16, halves.data(), wide.data(), n);
        for (int64_t i = 0; i < n; ++i) {
          const float value = wide[static_cast<size_t>(i)];
          if (i != at) {
            EXPECT_EQ(value, -0.5f);
          } else {
            EXPECT_TRUE(std::isnan(bad) ? std::isnan(value) : value == bad) << value;
          }
        }
      }
    }
  }
}

TEST_P(KernelsTest, SoftmaxOfNotANumberIsNone) {
  const int64_t rows = kernels().vector_width;
  const int64_t keys = 8;
  for (int64_t at = 0; at < keys; ++at) {
    std::vector<float> scores(static_cast<size_t>(keys * rows), 1.0f);
    scores[static_cast<size_t>(at * rows + 1)] = NAN;
    const auto n = static_cast<size_t>(rows);
    std::vector<int32_t> limits(n, static_cast<int32_t>(keys));
    std::vector<float> maxima(n, -INFINITY), sums(n), scales(n);
    kernels().softmax_step(scores.data(), keys, rows, 0, limits.data(), maxima.data(), sums.data(),
                           scales.data());
    EXPECT_TRUE(std::isnan(sums[1])) << at;
    EXPECT_EQ(sums[0], static_cast<float>(keys)) << at;  // the neighbours are as they were
  }
}

TEST_P(KernelsTest, RotationKeepsLengthsAndTurnsByTheAngle) {
  const int64_t d = 24;
  const Tensor x = random_tensor({d}, 51);
  std::vector<float> cosines, sines, y(static_cast<size_t>(d));
  for (int i = 0; i < d / 2; ++i) {
    cosines.push_back(std::cos(0.3f * static_cast<float>(i)));
    sines.push_back(std::sin(0.3f * static_cast<float>(i)));
  }
  kernels().rotate(x.f32(), cosines.data(), sines.data(), y.data(), d);
  for (int64_t i = 0; i < d / 2; ++i) {
    const double angle =
        std::atan2(element(x, i + d / 2), element(x, i)) + 0.3 * static_cast<double>(i);
    const double length = std::hypot(element(x, i), element(x, i + d / 2));
    EXPECT_NEAR(y[static_cast<size_t>(i)], length * std::cos(angle), 1e-6);
    EXPECT_NEAR(y[static_cast<size_t>(i + d / 2)], length * std::sin(angle), 1e-6);
  }
}

}  // namespace
}  // namespace owl3::cpu
