// Products with few rows (decoding): y[i, n] = x[i] . w[n] for one to eight rows x.
//
// Each weight is read once, in order, and used for all rows of x, which stay in the L1 or L2 cache:
// one multiply-add per 2 bytes of bf16 weights and row, so memory bandwidth is the bound. Rows of
// weights are taken in twos or fours to share the loads of x. They lie far apart: each is then a
// stream of its own to the hardware's prefetcher, which goes on in the next row.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

/// kWeights rows of weights, `row_step` rows apart, with kRows rows of x.
template <typename Type, int kWeights, int kRows>
inline void dot_tile(const typename Type::Element* w, int64_t ldw, int64_t row_step, int64_t k,
                     const float* x, int64_t ldx, float* y, int64_t ldy) {
  Vec sums[kWeights][kRows] = {};
  int64_t i = 0;
  for (; i + kWidth <= k; i += kWidth) {
    Vec weights[kWeights];
#pragma GCC unroll 8
    for (int n = 0; n < kWeights; ++n) {
      weights[n] = Type::vec(w + n * row_step * ldw + i);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec input = load(x + r * ldx + i);
#pragma GCC unroll 8
      for (int n = 0; n < kWeights; ++n) sums[n][r] += weights[n] * input;
    }
  }
#pragma GCC unroll 16
  for (int n = 0; n < kWeights; ++n) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float sum = sum_of(sums[n][r]);
      for (int64_t j = i; j < k; ++j) sum += Type::one(w + n * row_step * ldw + j) * x[r * ldx + j];
      y[r * ldy + n * row_step] = sum;
    }
  }
}

template <typename Type, int kRows>
void matvec_rows(const typename Type::Element* w, int64_t ldw, int64_t rows, int64_t k,
                 const float* x, int64_t ldx, float* y, int64_t ldy) {
  constexpr int kWeights = kRows <= 4 ? 4 : 2;
  const int64_t row_step = rows / kWeights;
  for (int64_t n = 0; n < row_step; ++n) {
    dot_tile<Type, kWeights, kRows>(w + n * ldw, ldw, row_step, k, x, ldx, y + n, ldy);
  }
  for (int64_t n = row_step * kWeights; n < rows; ++n) {
    dot_tile<Type, 1, kRows>(w + n * ldw, ldw, 0, k, x, ldx, y + n, ldy);
  }
}

template <typename Type>
void matvec_of(const void* weights, int64_t ldw, int64_t rows, int64_t k, const float* x,
               int64_t ldx, int64_t m, float* y, int64_t ldy) {
  const auto* w = static_cast<const typename Type::Element*>(weights);
  switch (m) {
    case 1:
      return matvec_rows<Type, 1>(w, ldw, rows, k, x, ldx, y, ldy);
    case 2:
      return matvec_rows<Type, 2>(w, ldw, rows, k, x, ldx, y, ldy);
    case 3:
      return matvec_rows<Type, 3>(w, ldw, rows, k, x, ldx, y, ldy);
    case 4:
      return matvec_rows<Type, 4>(w, ldw, rows, k, x, ldx, y, ldy);
    case 5:
      return matvec_rows<Type, 5>(w, ldw, rows, k, x, ldx, y, ldy);
    case 6:
      return matvec_rows<Type, 6>(w, ldw, rows, k, x, ldx, y, ldy);
    case 7:
      return matvec_rows<Type, 7>(w, ldw, rows, k, x, ldx, y, ldy);
    default:
      return matvec_rows<Type, 8>(w, ldw, rows, k, x, ldx, y, ldy);
  }
}

}  // namespace

void matvec(Storage storage, const void* weights, int64_t ldw, int64_t rows, int64_t k,
            const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy) {
  switch (storage) {
    case Storage::kF32:
      return matvec_of<F32>(weights, ldw, rows, k, x, ldx, m, y, ldy);
    case Storage::kF16:
      return matvec_of<F16>(weights, ldw, rows, k, x, ldx, m, y, ldy);
    case Storage::kBF16:
      return matvec_of<BF16>(weights, ldw, rows, k, x, ldx, m, y, ldy);
    default:
      return;  // blocks go through matvec_quantised
  }
}

}  // namespace owl3::cpu::OWL3_ISA
