#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/cpu_backend.h"
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
