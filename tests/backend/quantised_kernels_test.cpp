// Kernels over ggml's blocks on every instruction set this machine runs, against the formats' plain
// definition in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "backend/cpu/kernels.h"
#include "core/dtype.h"
#include "formats/quantise.h"

namespace owl3::cpu {
namespace {

struct Format {
  DType dtype;
  Storage storage;
};
constexpr Format kFormats[] = {{DType::kQ8_0, Storage::kQ8_0},
                               {DType::kQ4_0, Storage::kQ4_0},
                               {DType::kQ4_K, Storage::kQ4_K},
                               {DType::kQ6_K, Storage::kQ6_K}};

/// y [m, rows] of weights [rows, k] in blocks and x [m, k].
std::vector<float> product(const Kernels& kernels, const Format& format,
                           const std::vector<uint8_t>& weights, int64_t rows,
                           const std::vector<float>& x, int64_t m) {
  const int64_t k = static_cast<int64_t>(x.size()) / m;
  std::vector<std::byte> prepared(kernels.prepared_bytes(m, k));
  constexpr int64_t kPiece = 7;  // any will do
  for (int64_t i = 0; i < m; i += kPiece) {
    kernels.prepare_input(format.storage, x.data() + i * k, k, i, std::min(kPiece, m - i), m,
                          prepared.data());
  }
  std::vector<float> y(static_cast<size_t>(m * rows), NAN);
  if (m <= kFewRows) {
    kernels.matvec_quantised(format.storage, weights.data(), rows, k, prepared.data(), m, y.data(),
                             rows, false);
  } else {
    const std::unique_ptr<void, void (*)(void*)> scratch(
        std::aligned_alloc(64, (kernels.product_scratch_bytes(m) + 63) / 64 * 64), std::free);
    kernels.product_quantised(format.storage, weights.data(), rows, k, prepared.data(), m, y.data(),
                              rows, false, scratch.get());
  }
  return y;
}

/// Of those numbers of rows, the ones that the kernels multiply in int8.
std::vector<int64_t> possible_rows(const Kernels& kernels, std::initializer_list<int64_t> rows) {
  std::vector<int64_t> possible;
  for (const int64_t m : rows) {
    if (m <= kFewRows || kernels.product_quantised != nullptr) possible.push_back(m);
  }
  return possible;
}

class QuantisedKernels : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels() const { return *GetParam(); }
};

std::vector<const Kernels*> all_kernels() {
  const KernelList list = runnable_kernels();
  return {list.tables, list.tables + list.count};
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, QuantisedKernels, testing::ValuesIn(all_kernels()),
                         [](const auto& test) { return std::string(test.param->name); });

/// Any bytes are a block; only its scales must be numbers of a sane size.
std::vector<uint8_t> random_blocks(DType dtype, int64_t values, std::mt19937& random) {
  std::vector<float> x(static_cast<size_t>(values));
  std::normal_distribution<float> normal;
  for (float& value : x) value = normal(random);
  std::vector<uint8_t> blocks(bytes_of(dtype, values));
  quantise(dtype, x.data(), blocks.data(), values);
  // Extreme codes that a quantiser seldom writes: the first block's bytes but its scales.
  const size_t first = dtype == DType::kQ6_K ? 0 : dtype == DType::kQ4_K ? 4 : 2;
  const size_t last = dtype == DType::kQ6_K ? 192 : block_bytes(dtype);
  for (size_t i = first; i < last; ++i) blocks[i] = static_cast<uint8_t>(random());
  return blocks;
}

std::vector<float> values_of(DType dtype, const std::vector<uint8_t>& blocks, int64_t values) {
  std::vector<float> x(static_cast<size_t>(values));
  dequantise(dtype, blocks.data(), x.data(), values);
  return x;
}

/// Values that int8 by groups of 16 or 32 holds exactly: integers up to 127, one of them 127, times
/// a power of two.
std::vector<float> exact_inputs(int64_t count, std::mt19937& random) {
  std::vector<float> x(static_cast<size_t>(count));
  std::uniform_int_distribution<int> integer(-127, 127);
  for (int64_t i = 0; i < count; ++i) {
    const float scale = std::ldexp(1.0f, static_cast<int>(i / 32 % 5) - 6);
    const int value = i % 16 == 7 ? (i / 16 % 2 == 0 ? 127 : -127) : integer(random);
    x[static_cast<size_t>(i)] = static_cast<float>(value) * scale;
  }
  return x;
}

TEST_P(QuantisedKernels, ExpandToWhatTheFormatsDefine) {
  std::mt19937 random(1);
  for (const Format& format : kFormats) {
    for (const int64_t blocks : {1, 2, 5}) {
      const int64_t n = blocks * block_values(format.dtype);
      const std::vector<uint8_t> data = random_blocks(format.dtype, n, random);
      const std::vector<float> expected = values_of(format.dtype, data, n);
      std::vector<float> floats(static_cast<size_t>(n), NAN);
      std::vector<uint16_t> rounded(static_cast<size_t>(n), 0x7fc0);
      kernels().to_float(format.storage, data.data(), floats.data(), n);
      kernels().expand_bf16(format.storage, data.data(), rounded.data(), n);
      for (size_t i = 0; i < expected.size(); ++i) {
        const double tolerance = 1e-6 * (1 + std::fabs(expected[i]));
        ASSERT_NEAR(floats[i], expected[i], tolerance) << name_of(format.dtype) << " value " << i;
        ASSERT_NEAR(static_cast<float>(bf16{rounded[i]}), expected[i],
                    std::ldexp(std::fabs(expected[i]), -8) + tolerance);
      }
    }
  }
}

TEST_P(QuantisedKernels, MultiplyLikeTheDefinition) {
  std::mt19937 random(2);
  for (const Format& format : kFormats) {
    const int64_t unit = block_values(format.dtype);
    for (const int64_t k : {unit, 3 * unit, 8 * unit, 9 * unit, 36 * unit}) {
      for (const int64_t rows : {1, 11, 16, 37}) {
        const std::vector<uint8_t> weights = random_blocks(format.dtype, rows * k, random);
        const std::vector<float> w = values_of(format.dtype, weights, rows * k);
        for (const int64_t m :
             possible_rows(kernels(), {1, 2, 4, 6, 7, 8, 9, 17, 24, 32, 33, 40})) {
          const std::vector<float> x = exact_inputs(m * k, random);
          const std::vector<float> y = product(kernels(), format, weights, rows, x, m);
          for (int64_t i = 0; i < m; ++i) {
            for (int64_t n = 0; n < rows; ++n) {
              double expected = 0, magnitude = 0;
              for (int64_t j = 0; j < k; ++j) {
                const double product = double{x[static_cast<size_t>(i * k + j)]} *
                                       double{w[static_cast<size_t>(n * k + j)]};
                expected += product;
                magnitude += std::fabs(product);
              }
              ASSERT_NEAR(y[static_cast<size_t>(i * rows + n)], expected, 2e-6 * magnitude + 1e-6)
                  << name_of(format.dtype) << " k " << k << " rows " << rows << " m " << m;
            }
          }
        }
      }
    }
  }
}

TEST_P(QuantisedKernels, RowsHaveTheBitsOfEachAloneHoweverManyThereAre) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  for (const Format& format : kFormats) {
    const int64_t unit = block_values(format.dtype);
    // Within a panel's depth and beyond it, and with a last span that is not whole.
    for (const int64_t k : {unit, 6 * std::max<int64_t>(unit, 256), 13 * 256 + unit}) {
      const int64_t rows = 45, most = 131;
      const std::vector<uint8_t> weights = random_blocks(format.dtype, rows * k, random);
      std::vector<float> x(static_cast<size_t>(most * k));
      for (float& value : x) value = normal(random);
      for (int64_t j = 0; j < k; ++j) x[static_cast<size_t>(7 * k + j)] *= 1e-37f;
      std::vector<float> alone;
      for (int64_t i = 0; i < most; ++i) {
        const std::vector<float> row(x.begin() + i * k, x.begin() + (i + 1) * k);
        const std::vector<float> y = product(kernels(), format, weights, rows, row, 1);
        alone.insert(alone.end(), y.begin(), y.end());
      }
      for (const int64_t m : possible_rows(kernels(), {3, 5, 8, 9, 13, 16, 21, 32, 33, 64, most})) {
        const std::vector<float> some(x.begin(), x.begin() + m * k);
        const std::vector<float> y = product(kernels(), format, weights, rows, some, m);
        ASSERT_EQ(std::memcmp(y.data(), alone.data(), y.size() * sizeof(float)), 0)
            << name_of(format.dtype) << " k " << k << " rows " << m;
      }
    }
  }
}

TEST_P(QuantisedKernels, NotANumberInTheInputReachesTheOutput) {
  std::mt19937 random(4);
  const int64_t k = 512;
  for (const Format& format : kFormats) {
    const std::vector<uint8_t> weights = random_blocks(format.dtype, k, random);
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      for (const int64_t at : {0, 31, 32, 300, 511}) {
        std::vector<float> x(static_cast<size_t>(k), 0.25f);
        x[static_cast<size_t>(at)] = bad;
        const float y = product(kernels(), format, weights, 1, x, 1)[0];
        EXPECT_FALSE(std::isfinite(y)) << name_of(format.dtype) << bad << at;
      }
    }
  }
}

TEST_P(QuantisedKernels, NotANumberStaysInItsRow) {
  std::mt19937 random(5);
  const int64_t k = 512, rows = 11;
  for (const Format& format : kFormats) {
    const std::vector<uint8_t> weights = random_blocks(format.dtype, rows * k, random);
    for (const int64_t m : possible_rows(kernels(), {2, 6, 7, 9, 25, 32, 38})) {
      std::vector<float> x = exact_inputs(m * k, random);
      const std::vector<float> expected = product(kernels(), format, weights, rows, x, m);
      const int64_t bad = m / 2;
      x[static_cast<size_t>(bad * k + 100)] = NAN;
      const std::vector<float> y = product(kernels(), format, weights, rows, x, m);
      for (int64_t i = 0; i < m * rows; ++i) {
        const auto at = static_cast<size_t>(i);
        if (i / rows == bad) {
          EXPECT_TRUE(std::isnan(y[at])) << name_of(format.dtype) << " " << m << " rows";
        } else {
          EXPECT_EQ(y[at], expected[at]) << name_of(format.dtype) << " " << m << " rows";
        }
      }
    }
  }
}

TEST_P(QuantisedKernels, RoundInputsToOnePartIn127OfTheirGroup) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const int64_t k = 512;
  for (const Format& format : kFormats) {
    const std::vector<uint8_t> weights = random_blocks(format.dtype, k, random);
    const std::vector<float> w = values_of(format.dtype, weights, k);
    std::vector<float> x(static_cast<size_t>(k));
    for (float& value : x) value = normal(random);
    const float y = product(kernels(), format, weights, 1, x, 1)[0];
    double expected = 0, tolerance = 1e-4;
    for (int64_t group = 0; group < k / 32; ++group) {
      double largest = 0;
      for (int64_t j = group * 32; j < group * 32 + 32; ++j) {
        largest = std::max(largest, std::fabs(double{x[static_cast<size_t>(j)]}));
      }
      for (int64_t j = group * 32; j < group * 32 + 32; ++j) {
        const double weight = w[static_cast<size_t>(j)];
        expected += weight * double{x[static_cast<size_t>(j)]};
        tolerance += std::fabs(weight) * largest / 254;
      }
    }
    EXPECT_NEAR(y, expected, tolerance) << name_of(format.dtype);
  }
}

}  // namespace
}  // namespace owl3::cpu
