#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "formats/quantise.h"
#include "random_tensor.h"

namespace owl3 {
namespace {

Tensor plain_linear(const Tensor& x, const Linear& layer) {
  Tensor y = make_tensor(DType::kF32, {x.dim(0), layer.weight.dim(0)});
  const int64_t k = x.dim(1);
  for (int64_t i = 0; i < x.dim(0); ++i) {
    for (int64_t n = 0; n < y.dim(1); ++n) {
      double sum = layer.bias.defined() ? element(layer.bias, n) : 0;
      for (int64_t j = 0; j < k; ++j)
        sum += element(x, i * k + j) * element(layer.weight, n * k + j);
      y.f32()[i * y.dim(1) + n] = static_cast<float>(sum);
    }
  }
  return y;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(element(a, i) - element(b, i)));
  }
  return largest;
}

CpuBackend backend_with(int threads, MatrixProduct product) {
  CpuOptions options;
  options.threads = threads;
  options.matrix_product = product;
  return CpuBackend(options);
}

TEST(Linear, EveryPathComputesTheProduct) {
  CpuBackend backend = backend_with(2, MatrixProduct::kFloat32);
  uint32_t seed = 0;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int64_t rows : {1, 8, 9, 70}) {
      for (const auto& [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {130, 75}, {70, 1600}}) {
        const Tensor x = random_tensor({rows, k}, ++seed);
        const Linear layer = {random_tensor({n, k}, ++seed, dtype), random_tensor({n}, ++seed)};
        const Tensor expected = plain_linear(x, layer);
        EXPECT_LT(largest_difference(backend.linear(x, layer, Activation::kNone), expected), 2e-4);
        Tensor y = make_tensor(DType::kF32, {rows, n});
        std::fill_n(y.f32(), y.size(), 1.0f);
        backend.linear_add(y, x, layer);
        for (int64_t i = 0; i < y.size(); ++i) y.f32()[i] -= 1.0f;
        EXPECT_LT(largest_difference(y, expected), 2e-4);
      }
    }
  }
}

TEST(Linear, OneDnnProductStaysWithinBf16Rounding) {
  CpuBackend backend = backend_with(2, MatrixProduct::kBFloat16);
  const Tensor x = random_tensor({40, 256}, 1);
  const Linear layer = {random_tensor({96, 256}, 2, DType::kBF16), random_tensor({96}, 3)};
  const Tensor expected = plain_linear(x, layer);
  // Inputs rounded to 8 bits: 256 products of unit variance, each off by at most 2^-9 of itself.
  EXPECT_LT(largest_difference(backend.linear(x, layer, Activation::kNone), expected), 0.25);
  Tensor y = make_tensor(DType::kF32, {40, 96});
  backend.linear_add(y, x, layer);
  EXPECT_LT(largest_difference(y, expected), 0.25);
}

TEST(Linear, QuantisedWeightsTakeEveryPath) {
  uint32_t seed = 40;
  for (const MatrixProduct product :
       {MatrixProduct::kAuto, MatrixProduct::kFloat32, MatrixProduct::kBFloat16}) {
    CpuBackend backend = backend_with(2, product);
    for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
      for (const auto& [n, k] : {std::pair<int64_t, int64_t>{130, 256}, {70, 1792}}) {
        Tensor exact = random_tensor({n, k}, ++seed);
        Tensor blocks = make_tensor(dtype, {n, k});
        quantise(dtype, exact.f32(), blocks.raw(), n * k);
        dequantise(dtype, blocks.raw(), exact.f32(), n * k);
        const Linear layer = {blocks, random_tensor({n}, ++seed)};
        for (const int64_t rows : {1, 8, 9, 32, 70}) {
          const Tensor x = random_tensor({rows, k}, ++seed);
          const Tensor expected = plain_linear(x, {exact, layer.bias});
          // Few rows, or many where nothing else is asked for: x in int8, off by up to 1/254 of its
          // group's largest (about 3), evenly; many rows: x and weights in bf16, each off by up to
          // 2^-8 of itself, or float32. Sums of k such errors, five deviations.
          const bool int8 = rows <= backend.few_rows() || product == MatrixProduct::kAuto;
          const double error = int8 ? 3.0 / 254 / std::sqrt(3.0)
                               : product == MatrixProduct::kBFloat16
                                   ? std::ldexp(1.0, -8) * std::sqrt(2.0 / 3)
                                   : 1e-6;
          const double tolerance = 5 * error * std::sqrt(static_cast<double>(k)) + 2e-4;
          EXPECT_LT(largest_difference(backend.linear(x, layer, Activation::kNone), expected),
                    tolerance)
              << name_of(dtype) << " " << rows << " rows, k " << k;
          Tensor y = make_tensor(DType::kF32, {rows, n});
          std::fill_n(y.f32(), y.size(), 1.0f);
          backend.linear_add(y, x, layer);
          for (int64_t i = 0; i < y.size(); ++i) y.f32()[i] -= 1.0f;
          EXPECT_LT(largest_difference(y, expected), tolerance);
        }
      }
    }
  }
}

TEST(Linear, Int8WeightsKeepAScalePerFeature) {
  const double bound = __builtin_cpu_supports("avx512vnni") ? 0.6 : 0.6 * (127.0 / 64 + 1) / 2;
  for (const MatrixProduct product : {MatrixProduct::kFloat32, MatrixProduct::kBFloat16}) {
    CpuBackend backend = backend_with(2, product);
    for (const int64_t rows : {3, 50}) {
      const int64_t n = 45, k = 144;
      Linear layer = {random_tensor({n, k}, 71), random_tensor({n}, 72)};
      for (int64_t j = 0; j < k; ++j) layer.weight.f32()[7 * k + j] *= 1000;  // one loud feature
      const Tensor x = random_tensor({rows, k}, 73);
      const Tensor expected = plain_linear(x, layer);
      const Linear rounded = backend.prepare(layer, WeightForm::kInt8);
      const Tensor y = backend.linear(x, rounded, Activation::kNone);
      for (int64_t i = 0; i < y.size(); ++i) {
        // Both sides off by at most 1/254 (without VNNI, weights by 1/128) of a largest value near
        // 3.5; 144 products; the loud feature's error must not reach its neighbours.
        const double scale = i % n == 7 ? 1000 : 1;
        ASSERT_NEAR(element(y, i), element(expected, i), bound * scale) << i;
      }
      Tensor sum = make_tensor(DType::kF32, {rows, n});
      backend.linear_add(sum, x, rounded);
      EXPECT_EQ(largest_difference(sum, y), 0);
    }
  }
}

// Where those of blocks are faster, they take their place: padded, where rows are no whole blocks.
TEST(Linear, Int8WeightsAreRoundedForEveryInstructionSet) {
  const cpu::KernelList list = cpu::runnable_kernels();
  int in_blocks = 0;
  for (int table = 0; table < list.count; ++table) {
    CpuOptions options;
    options.threads = 2;
    options.kernels = list.tables[table];
    CpuBackend backend(options);
    for (const int64_t rows : {3, 50}) {
      const int64_t n = 37, k = 150;
      const Linear layer = {random_tensor({n, k}, 74), random_tensor({n}, 75)};
      const Tensor x = random_tensor({rows, k}, 76);
      const Linear rounded = backend.prepare(layer, WeightForm::kInt8);
      in_blocks += rounded.weight.dtype() == DType::kQ8_0;
      const Tensor expected = plain_linear(x, layer);
      const Tensor y = backend.linear(x, rounded, Activation::kNone);
      EXPECT_LT(largest_difference(y, expected), 1.0) << list.tables[table]->name;
      Tensor sum = make_tensor(DType::kF32, {rows, n});
      backend.linear_add(sum, x, rounded);
      EXPECT_EQ(largest_difference(sum, y), 0) << list.tables[table]->name;
    }
  }
  EXPECT_EQ(in_blocks, __builtin_cpu_supports("avx2") ? 2 : 0);
}

/// Weights [n, k] of any type.
Tensor random_weights(int64_t n, int64_t k, uint32_t seed, DType dtype) {
  if (!is_quantised(dtype)) return random_tensor({n, k}, seed, dtype);
  Tensor exact = random_tensor({n, k}, seed);
  Tensor blocks = make_tensor(dtype, {n, k});
  quantise(dtype, exact.f32(), blocks.raw(), n * k);
  return blocks;
}

TEST(Linear, QuantisedWeightsGiveManyRowsTheBitsOfFew) {
  CpuBackend backend = backend_with(3, MatrixProduct::kAuto);
  if (cpu::best_kernels().product_quantised == nullptr) GTEST_SKIP() << "no int8 products";
  uint32_t seed = 500;
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
    const int64_t n = 300, k = 2048;
    const Linear layer = {random_weights(n, k, ++seed, dtype), random_tensor({n}, ++seed)};
    const Tensor x = random_tensor({100, k}, ++seed);
    const Tensor all = backend.linear(x, layer, Activation::kGeluTanh);
    for (const int64_t first : {0, 37, 99}) {
      const Tensor one = backend.linear(x.rows(first, first + 1), layer, Activation::kGeluTanh);
      EXPECT_EQ(std::memcmp(one.f32(), all.f32() + first * n, static_cast<size_t>(n) * 4), 0)
          << name_of(dtype) << " row " << first;
    }
  }
}

// What conversations that share a decoding step rely on.
TEST(Linear, FewRowsAreTheSameBitsAloneAndInAnyCompany) {
  uint32_t seed = 300;
  const cpu::KernelList list = cpu::runnable_kernels();
  for (int table = 0; table < list.count; ++table) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0,
                              DType::kQ4_K, DType::kQ6_K}) {
      CpuOptions options;
      options.threads = 1 + table % 3;
      options.kernels = list.tables[table];
      CpuBackend backend(options);
      const int64_t units = is_quantised(dtype) ? block_values(dtype) : 1;
      const bool in_32s = units <= 32;
      for (const auto& [n, k] : {std::pair<int64_t, int64_t>{1, 7 * units},
                                 {37, in_32s ? 288 : 512},
                                 {130, in_32s ? 1120 + 32 : 1536}}) {
        const Linear layer = {random_weights(n, k, ++seed, dtype), random_tensor({n}, ++seed)};
        const Tensor all = random_tensor({backend.few_rows(), k}, ++seed);
        std::vector<float> alone;
        for (int64_t row = 0; row < all.dim(0); ++row) {
          const Tensor y = backend.linear(all.rows(row, row + 1), layer, Activation::kGeluTanh);
          alone.insert(alone.end(), y.f32(), y.f32() + n);
        }
        for (int64_t count = 2; count <= all.dim(0); ++count) {
          const int64_t first = static_cast<int64_t>(++seed) % (all.dim(0) - count + 1);
          const Tensor y =
              backend.linear(all.rows(first, first + count), layer, Activation::kGeluTanh);
          ASSERT_EQ(std::memcmp(y.f32(), alone.data() + first * n,
                                static_cast<size_t>(count * n) * sizeof(float)),
                    0)
              << list.tables[table]->name << " " << name_of(dtype) << " [" << n << ", " << k
              << "] rows " << first << " to " << first + count;
        }
      }
    }
  }
}

// Where a file's weights begin is chance; what lies around them is other weights.
TEST(Linear, FewRowsAreTheSameBitsWhereverTheWeightsLie) {
  const cpu::KernelList list = cpu::runnable_kernels();
  constexpr uint8_t kNoNumber = 0xff;
  constexpr int64_t kRows[] = {1, 2, 3, 5, 8, 9, 32};
  for (int table = 0; table < list.count; ++table) {
    CpuOptions options;
    options.threads = 1;
    options.kernels = list.tables[table];
    CpuBackend backend(options);
    for (const DType dtype : {DType::kBF16, DType::kF32}) {
      for (const auto& [n, k] :
           {std::pair<int64_t, int64_t>{5, 32}, {7, 96}, {6, 1504}, {9, 70}, {7, 2144}}) {
        const Tensor weight = random_tensor({n, k}, 11, dtype);
        const Tensor x = random_tensor({backend.few_rows(), k}, 12);
        std::vector<Tensor> expected;
        for (const int64_t rows : kRows) {
          expected.push_back(
              backend.linear(x.rows(0, rows), {weight, Tensor()}, Activation::kNone));
        }
        for (size_t offset = size_of(dtype); offset < 64; offset += size_of(dtype)) {
          Tensor around =
              make_tensor(DType::kI8, {static_cast<int64_t>(weight.size_bytes()) + 128});
          auto* bytes = around.data<uint8_t>();
          std::fill_n(bytes, around.size(), kNoNumber);
          std::memcpy(bytes + offset, weight.raw(), weight.size_bytes());
          const Tensor moved(dtype, weight.shape(), bytes + offset, nullptr);
          for (size_t i = 0; i < std::size(kRows); ++i) {
            const int64_t rows = kRows[i];
            const Tensor y = backend.linear(x.rows(0, rows), {moved, Tensor()}, Activation::kNone);
            ASSERT_EQ(std::memcmp(y.raw(), expected[i].raw(), y.size_bytes()), 0)
                << list.tables[table]->name << " " << name_of(dtype) << " [" << n << ", " << k
                << "], " << rows << " rows, " << offset << " bytes behind a line's beginning";
          }
        }
      }
    }
  }
}

TEST(Linear, ResultsDoNotDependOnTheNumberOfThreads) {
  CpuBackend one = backend_with(1, MatrixProduct::kFloat32);
  CpuBackend three = backend_with(3, MatrixProduct::kFloat32);
  for (const int64_t rows : {1, 5, 200}) {
    const Tensor x = random_tensor({rows, 1000}, 5);
    const Linear layer = {random_tensor({700, 1000}, 6, DType::kBF16), Tensor()};
    EXPECT_EQ(largest_difference(one.linear(x, layer, Activation::kNone),
                                 three.linear(x, layer, Activation::kNone)),
              0);
  }
}

TEST(Linear, AppliesBothKindsOfGelu) {
  CpuBackend backend = backend_with(2, MatrixProduct::kFloat32);
  const Tensor x = random_tensor({3, 20}, 8);
  const Linear layer = {random_tensor({50, 20}, 9), random_tensor({50}, 10)};
  const Tensor plain = plain_linear(x, layer);
  const Tensor erf = backend.linear(x, layer, Activation::kGeluErf);
  const Tensor tanh = backend.linear(x, layer, Activation::kGeluTanh);
  for (int64_t i = 0; i < plain.size(); ++i) {
    const double v = element(plain, i);
    EXPECT_NEAR(element(erf, i), 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))), 1e-4);
    EXPECT_NEAR(element(tanh, i),
                0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))), 1e-4);
  }
}

}  // namespace
}  // namespace owl3
