// Every operation but attention against its definition in double precision, over odd shapes.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "formats/quantise.h"
#include "torch_device.h"

namespace owl3 {
namespace {

using test::tolerance_of;
using test::torch_cpu;

struct Matrix {
  int64_t rows, columns;
};
constexpr Matrix kOddShapes[] = {{1, 1}, {1, 37}, {3, 2}, {17, 129}, {33, 64}, {65, 7}};

class TorchOperations : public testing::TestWithParam<Precision> {
 protected:
  Tensor here(const Tensor& there) { return backend_->download(there); }
  Tensor there(const Tensor& host) { return backend_->upload(host); }

  /// Holds a tensor of the device to expected(i) for every element.
  template <typename Expected>
  void expect(const Tensor& result, const Shape& shape, double tolerance,
              const Expected& expected) {
    ASSERT_EQ(result.shape(), shape);
    const Tensor host = here(result);
    for (int64_t i = 0; i < host.size(); ++i) {
      const double value = expected(i);
      ASSERT_NEAR(element(host, i), value, tolerance * (1 + std::fabs(value)))
          << "at " << i << " of " << to_string(shape);
    }
  }

  double rounding() const { return GetParam() == Precision::kFloat32 ? 2e-6 : 8e-3; }

  std::unique_ptr<Backend> backend_ = torch_cpu(GetParam());
};

INSTANTIATE_TEST_SUITE_P(BothPrecisions, TorchOperations,
                         testing::Values(Precision::kFloat32, Precision::kBFloat16),
                         [](const auto& test) {
                           return std::string(test::name_of_precision(test.param));
                         });

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluErf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return 0;
}

TEST_P(TorchOperations, LinearLayersOfEveryPlainType) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const auto& [m, k] : kOddShapes) {
      const int64_t n = k + 3;
      const Tensor x = random_tensor({m, k}, 1);
      const Tensor w = random_tensor({n, k}, 2, type);
      const Tensor b = random_tensor({n}, 3);
      const auto sum = [&](int64_t i) {
        double y = element(b, i % n);
        for (int64_t j = 0; j < k; ++j) y += element(x, i / n * k + j) * element(w, i % n * k + j);
        return y;
      };
      const Linear layer = backend_->prepare({w, b}, WeightForm::kAsStored);
      const double tolerance = tolerance_of(GetParam(), static_cast<double>(k));
      for (const Activation activation :
           {Activation::kNone, Activation::kGeluTanh, Activation::kGeluErf, Activation::kSigmoid}) {
        expect(backend_->linear(there(x), layer, activation), {m, n}, tolerance,
               [&](int64_t i) { return activated(activation, sum(i)); });
      }
      const Tensor before = random_tensor({m, n}, 4);
      Tensor y = there(before);
      backend_->linear_add(y, there(x), layer);
      expect(y, {m, n}, tolerance, [&](int64_t i) { return element(before, i) + sum(i); });
    }
  }
}

TEST_P(TorchOperations, BlocksOfWeightsAreExpandedToWhatTheyStandFor) {
  for (const DType type : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
    constexpr int64_t kRows = 5, kColumns = 512;
    const Tensor values = random_tensor({kRows, kColumns}, 7);
    Tensor blocks = make_tensor(type, {kRows, kColumns});
    quantise(type, values.f32(), blocks.raw(), values.size());
    Tensor plain = make_tensor(DType::kF32, values.shape());
    dequantise(type, blocks.raw(), plain.f32(), plain.size());
    const auto expected = [&](int64_t i) { return element(plain, i); };
    expect(backend_->to_float(there(blocks)), values.shape(), rounding(), expected);
    // One row of them is one row of the product with 1.
    Tensor one = make_tensor(DType::kF32, {1, kColumns});
    one.f32()[300] = 1;
    const Linear layer = backend_->prepare({blocks, Tensor()}, WeightForm::kAsStored);
    expect(backend_->linear(there(one), layer, Activation::kNone), {1, kRows}, rounding(),
           [&](int64_t i) { return element(plain, i * kColumns + 300); });
  }
}

TEST_P(TorchOperations, Int8WeightsHaveAScalePerOutput) {
  constexpr int64_t kInputs = 129, kOutputs = 11, kRows = 7;
  const Tensor x = random_tensor({kRows, kInputs}, 1);
  const Tensor b = random_tensor({kOutputs}, 3);
  // Multiples of each row's scale, 2^-output, up to 127 of them: nothing is rounded.
  Tensor w = make_tensor(DType::kF32, {kOutputs, kInputs});
  for (int64_t i = 0; i < w.size(); ++i) {
    const int64_t multiple = i % kInputs == 0 ? 127 : i * 37 % 255 - 127;
    w.f32()[i] = std::ldexp(static_cast<float>(multiple), -static_cast<int>(i / kInputs));
  }
  const Linear plain = backend_->prepare({w, b}, WeightForm::kAsStored);
  const Linear layer = backend_->prepare(plain, WeightForm::kInt8);
  EXPECT_EQ(layer.weight.dtype(), DType::kI8);
  EXPECT_EQ(layer.scales.shape(), (Shape{kOutputs}));
  const double tolerance = 80 * tolerance_of(GetParam(), static_cast<double>(kInputs));
  expect(backend_->linear(there(x), layer, Activation::kNone), {kRows, kOutputs}, tolerance,
         [&](int64_t i) {
           double y = element(b, i % kOutputs);
           for (int64_t j = 0; j < kInputs; ++j) {
             y += element(x, i / kOutputs * kInputs + j) * element(w, i % kOutputs * kInputs + j);
           }
           return y;
         });
}

TEST_P(TorchOperations, Norms) {
  constexpr double kEps = 1e-6;
  for (const auto& [m, n] : kOddShapes) {
    const Tensor x = random_tensor({m, n}, 1);
    const Tensor w = random_tensor({n}, 2);
    const Tensor b = random_tensor({n}, 3);
    std::vector<double> mean(static_cast<size_t>(m)), square(mean), variance(mean);
    for (int64_t i = 0; i < m * n; ++i) {
      const double value = element(x, i), share = 1 / static_cast<double>(n);
      mean[static_cast<size_t>(i / n)] += value * share;
      square[static_cast<size_t>(i / n)] += value * value * share;
    }
    for (int64_t i = 0; i < m * n; ++i) {
      const double away = element(x, i) - mean[static_cast<size_t>(i / n)];
      variance[static_cast<size_t>(i / n)] += away * away / static_cast<double>(n);
    }
    expect(backend_->rms_norm(there(x), there(w), kEps), {m, n}, rounding(), [&](int64_t i) {
      return element(x, i) / std::sqrt(square[static_cast<size_t>(i / n)] + kEps) *
             element(w, i % n);
    });
    expect(backend_->layer_norm(there(x), there(w), there(b), kEps), {m, n}, 2 * rounding(),
           [&](int64_t i) {
             const auto row = static_cast<size_t>(i / n);
             return (element(x, i) - mean[row]) / std::sqrt(variance[row] + kEps) *
                        element(w, i % n) +
                    element(b, i % n);
           });
  }
}

TEST_P(TorchOperations, WhatIsDoneToEveryElement) {
  for (const auto& [m, n] : kOddShapes) {
    const Tensor x = random_tensor({m, n}, 1);
    const Tensor y = random_tensor({m, n}, 2);
    expect(backend_->swiglu(there(x), there(y)), {m, n}, rounding(), [&](int64_t i) {
      return element(x, i) / (1 + std::exp(-element(x, i))) * element(y, i);
    });
    expect(backend_->scaled(there(x), 0.3), {m, n}, 2e-6,
           [&](int64_t i) { return 0.3 * element(x, i); });
    for (const Activation activation :
         {Activation::kNone, Activation::kGeluTanh, Activation::kGeluErf, Activation::kSigmoid}) {
      Tensor activated_there = there(x);
      backend_->activate(activated_there, activation);
      expect(activated_there, {m, n}, 2e-6,
             [&](int64_t i) { return activated(activation, element(x, i)); });
    }
    const Tensor half = random_tensor({m, n}, 3, DType::kF16);
    expect(backend_->to_float(there(half)), {m, n}, 0, [&](int64_t i) { return element(half, i); });
  }
}

TEST_P(TorchOperations, RowsAreGatheredCopiedAndLookedUp) {
  for (const auto& [m, n] : kOddShapes) {
    const Tensor x = random_tensor({m, n}, 1);
    const std::vector<int64_t> rows = {m - 1, 0, 0, m / 2};
    expect(backend_->gather_rows(there(x), rows), {4, n}, 0,
           [&](int64_t i) { return element(x, rows[static_cast<size_t>(i / n)] * n + i % n); });
    Tensor to = there(x);
    const int64_t first = m / 3, count = (m + 1) / 2;
    const Tensor from = random_tensor({count, n}, 2);
    backend_->copy_rows(to, first, there(from));
    expect(to, {m, n}, 0, [&](int64_t i) {
      const int64_t row = i / n - first;
      return row >= 0 && row < count ? element(from, i - first * n) : element(x, i);
    });
    EXPECT_ANY_THROW(backend_->copy_rows(to, m - count + 1, there(from)));
    const std::vector<int32_t> ids = {static_cast<int32_t>(m - 1), static_cast<int32_t>(m / 2), 0};
    const Tensor table = random_tensor({m, n}, 3, DType::kBF16);
    expect(backend_->embedding(there(table), ids), {3, n}, 0,
           [&](int64_t i) { return element(table, ids[static_cast<size_t>(i / n)] * n + i % n); });
    EXPECT_ANY_THROW(
        backend_->embedding(there(table), std::vector<int32_t>{static_cast<int32_t>(m)}));
  }
}

TEST_P(TorchOperations, PositionsAreRepeatedOverImagesAndPatchesCutOfThem) {
  for (const auto& [m, n] : kOddShapes) {
    const Tensor x = random_tensor({3 * m, n}, 1);
    const Tensor y = random_tensor({m, n}, 2);
    Tensor sum = there(x);
    backend_->add_repeated(sum, there(y));
    expect(sum, {3 * m, n}, 2e-6,
           [&](int64_t i) { return element(x, i) + element(y, i % (m * n)); });
  }
  // A side of 7 has three patches of 2, and a column left over.
  constexpr int64_t kSize = 7, kPatch = 2, kSide = 3, kWidth = 3 * kPatch * kPatch;
  const Tensor pixels = random_tensor({2, 3, kSize, kSize}, 3);
  expect(backend_->patches(there(pixels), kPatch), {2 * kSide * kSide, kWidth}, 0, [&](int64_t i) {
    const int64_t patch = i / kWidth, in = i % kWidth;
    const int64_t image = patch / (kSide * kSide), channel = in / (kPatch * kPatch);
    const int64_t row = patch / kSide % kSide * kPatch + in / kPatch % kPatch;
    const int64_t column = patch % kSide * kPatch + in % kPatch;
    return element(pixels, ((image * 3 + channel) * kSize + row) * kSize + column);
  });
}

TEST_P(TorchOperations, RotaryEmbedding) {
  constexpr int64_t kPositions = 40, kSize = 6, kHeads = 3;
  const Tensor table = backend_->rope_table(kPositions, kSize, 100);
  const auto angle = [&](int64_t position, int64_t i) {
    return static_cast<double>(position) *
           std::pow(100.0, -2.0 * static_cast<double>(i) / static_cast<double>(kSize));
  };
  expect(table, {kPositions, kSize}, 1e-5, [&](int64_t at) {
    const int64_t i = at % kSize;
    const double a = angle(at / kSize, i % 3);
    return i < 3 ? std::cos(a) : std::sin(a);
  });
  const std::vector<int32_t> positions = {39, 0, 7};
  const Tensor x = random_tensor({3, kHeads, kSize}, 1);
  expect(backend_->rotate(there(x), table, positions), {3, kHeads, kSize}, 1e-5, [&](int64_t at) {
    const int64_t i = at % kSize, row = at - i;
    const double a = angle(positions[static_cast<size_t>(at / kSize / kHeads)], i % 3);
    return i < 3 ? element(x, row + i) * std::cos(a) - element(x, row + i + 3) * std::sin(a)
                 : element(x, row + i) * std::cos(a) + element(x, row + i - 3) * std::sin(a);
  });
  EXPECT_ANY_THROW(backend_->rotate(there(x), table, std::vector<int32_t>{0, 40, 0}));
}

TEST_P(TorchOperations, RowsThatAreNotFiniteAreNoted) {
  constexpr float kBad[] = {std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(), 1e30f};
  Tensor flags = there(make_tensor(DType::kF32, {4}));
  for (int64_t i = 0; i < 4; ++i) {
    Tensor x = random_tensor({5, 7}, 1);
    if (i > 0) x.f32()[23] = kBad[i - 1];
    backend_->note_finite_rows(there(x), flags, i);
  }
  expect(flags, {4}, 0, [](int64_t i) { return i == 0 ? 1 : 0; });
}

TEST(TorchDevice, SaysWhatItHasNot) {
  EXPECT_THROW(make_torch_backend("cuda:99", {}), UsageError);
  const auto backend = torch_cpu();
  try {
    backend->allocate(DType::kF32, {int64_t{1} << 50});
    FAIL() << "allocated";
  } catch (const OutOfMemory& error) {
    EXPECT_NE(std::string(error.what())
                  .find("torch:cpu: there is not enough memory for "
                        "4503599627370496 bytes more"),
              std::string::npos)
        << error.what();
  }
  // What LibTorch refuses is one line, too.
  const Tensor x = backend->upload(random_tensor({2, 3}, 1));
  const Linear layer =
      backend->prepare({random_tensor({2, 4}, 2), Tensor()}, WeightForm::kAsStored);
  EXPECT_THROW(backend->linear(x, layer, Activation::kNone), Error);
}

}  // namespace
}  // namespace owl3
