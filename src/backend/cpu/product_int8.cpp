// Products in int8 by oneDNN: int8 weights with a scale per output feature, x rounded to int8 with
// a scale per row, sums in int32. Twice the rate of bf16 with VNNI; the scales, the bias and the
// activation follow in a pass of their own while the sums are in the last cache. The weights,
// copies anyway, lie as oneDNN's kernels read them, which is worth 6 % over rows as in a
// checkpoint. Without VNNI pairs of products are added in 16 bits, which hold two of x times 7 bits
// of weights and no more; with AVX2 alone, products of q8_0's blocks, of 8 bits, are faster than
// those (product_blocks.cpp).
#include <algorithm>
#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/for_rows.h"
#include "backend/cpu/onednn_products.h"
#include "core/rounding.h"
#include "core/threads.h"

namespace owl3 {

namespace {

bool adds_products_in_16_bits() {
#if defined(__x86_64__)
  return !__builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

/// To -64..64, and returns the scale: 2 * 255 * 64 < 2^15, x being 0..255 inside oneDNN. The scale
/// of values among which one is no number is none either.
float round_to_7_bits(const float* values, int64_t n, int8_t* rounded) {
  float largest = 0;
  float nan_or_zero = 0;
  for (int64_t i = 0; i < n; ++i) {
    largest = std::max(largest, std::abs(values[i]));
    nan_or_zero += values[i] * 0.0f;
  }
  const float scale = largest / 64 + nan_or_zero;
  for (int64_t i = 0; i < n; ++i) {
    rounded[i] = scale > 0 && scale < INFINITY ? static_cast<int8_t>(std::lround(values[i] / scale))
                                               : int8_t{0};
  }
  return scale;
}

/// A block of n values, zeros behind them; its scale is none where one of them is no number.
BlockQ8_0 round_block(const float* values, int64_t n) {
  float padded[32] = {};
  std::copy_n(values, n, padded);
  BlockQ8_0 block = {};
  if (std::all_of(padded, padded + 32, [](float x) { return std::isfinite(x); })) {
    rounding::encode(padded, block);
  } else {
    block.d = f16::from_float(NAN).bits;
  }
  return block;
}

}  // namespace

Linear CpuBackend::prepare(const Linear& layer, WeightForm form) {
  if (form != WeightForm::kInt8) return layer;
  return blocks_product_ && kernels_->fastest_int8_in_blocks ? to_blocks(layer) : to_int8(layer);
}

// A layer to a thread: what oneDNN does with it is the work of one.
void CpuBackend::prepare_all(std::span<Linear* const> layers, WeightForm form) {
  parallel_for(threads_, static_cast<int64_t>(layers.size()), [&](int64_t i) {
    Linear& layer = *layers[static_cast<size_t>(i)];
    layer = prepare(layer, form);
  });
}

Linear CpuBackend::to_blocks(const Linear& layer) {
  constexpr int64_t kBlock = 32;
  const int64_t n = layer.weight.dim(0);
  const int64_t k = layer.weight.dim(1);
  const int64_t blocks = (k + kBlock - 1) / kBlock;
  Linear rounded = {make_tensor(DType::kQ8_0, {n, blocks * kBlock}), layer.bias, Tensor()};
  auto* to = reinterpret_cast<BlockQ8_0*>(rounded.weight.data<std::byte>());
  for_rows(n, k, [&](int64_t first, int64_t last) {
    std::vector<float> row(static_cast<size_t>(k));
    for (int64_t i = first; i < last; ++i) {
      kernels_->to_float(cpu::storage_of(layer.weight.dtype()), cpu::element(layer.weight, i, 0),
                         row.data(), k);
      for (int64_t j = 0; j < blocks; ++j) {
        to[i * blocks + j] = round_block(row.data() + j * kBlock, std::min(kBlock, k - j * kBlock));
      }
    }
  });
  return rounded;
}

Linear CpuBackend::to_int8(const Linear& layer) {
  const int64_t n = layer.weight.dim(0);
  const int64_t k = layer.weight.dim(1);
  Linear rounded = {make_tensor(DType::kI8, {n, k}), layer.bias, make_tensor(DType::kF32, {n})};
  for_rows(n, k, [&](int64_t first, int64_t last) {
    std::vector<float> row(static_cast<size_t>(k));
    for (int64_t i = first; i < last; ++i) {
      kernels_->to_float(cpu::storage_of(layer.weight.dtype()), cpu::element(layer.weight, i, 0),
                         row.data(), k);
      int8_t* values = rounded.weight.data<int8_t>() + i * k;
      rounded.scales.f32()[i] = adds_products_in_16_bits()
                                    ? round_to_7_bits(row.data(), k, values)
                                    : kernels_->round_int8(row.data(), k, values);
    }
  });
  rounded.weight = onednn_->pack_int8(rounded.weight);
  return rounded;
}

void CpuBackend::product_int8(const Tensor& x, const Linear& layer, Activation activation,
                              Tensor& y, bool accumulate) {
  const int64_t m = x.dim(0);
  const int64_t k = x.dim(1);
  const int64_t n = layer.weight.dim(0);
  Tensor rounded = allocate(DType::kI8, {m, k});
  Tensor row_scales = allocate(DType::kF32, {m});
  for_rows(m, k, [&](int64_t first, int64_t last) {
    std::vector<float> row(static_cast<size_t>(k));
    for (int64_t i = first; i < last; ++i) {
      kernels_->to_float(cpu::storage_of(x.dtype()), cpu::element(x, i, 0), row.data(), k);
      row_scales.f32()[i] = kernels_->round_int8(row.data(), k, rounded.data<int8_t>() + i * k);
    }
  });
  Tensor sums = allocate(DType::kF32, {m, n});  // int32, of the same size
  onednn_->multiply_int8(rounded, layer.weight, sums);
  for_rows(m, n, [&](int64_t first, int64_t last) {
    std::vector<float> row(static_cast<size_t>(n));
    for (int64_t i = first; i < last; ++i) {
      kernels_->scale_sums(sums.data<int32_t>() + i * n, row_scales.f32()[i], layer.scales.f32(),
                           layer.bias.defined() ? layer.bias.f32() : nullptr, row.data(), n);
      apply_activation(activation, row.data(), n);
      if (y.dtype() == DType::kBF16) {
        kernels_->to_bf16(row.data(), y.data<uint16_t>() + i * n, n);
      } else if (accumulate) {
        kernels_->add(y.f32() + i * n, row.data(), n);
      } else {
        std::copy(row.begin(), row.end(), y.f32() + i * n);
      }
    }
  });
}

}  // namespace owl3
