// Matrix products in float32 over weights of any storage type.
//
// y[M, N] = x[M, K] W[N, K]^T is cut into panels of the weights: a panel of panel_columns output
// features and a few hundred inputs is expanded to float32 and transposed to [k, columns] once,
// sits in the L2 cache, and is multiplied with all rows of x. The innermost tile keeps
// kTileRows x kTileVectors accumulators in registers; each step of k loads kTileVectors vectors of
// the panel and broadcasts one x per row. With AVX-512 that is 24 multiply-adds for 14 loads, so
// the tile runs at the multiply-add rate; expanding costs about one cycle per weight, against M /
// 32 cycles of arithmetic.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

constexpr int kTileVectors = 2;
constexpr int kTileRows = kRegisters == 32 ? 12 : 6;

/// c (+)= a b for a tile of kRows x kVectors vectors, accumulated in registers over all of k.
template <int kRows, int kVectors>
inline void multiply_tile(int64_t k, const float* a, int64_t row_stride, int64_t k_stride,
                          const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  Vec sums[kRows][kVectors] = {};
  for (int64_t i = 0; i < k; ++i) {
    Vec column[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) column[v] = load(b + i * ldb + v * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec x = broadcast(a[r * row_stride + i * k_stride]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sums[r][v] += x * column[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      float* out = c + r * ldc + v * kWidth;
      store(out, accumulate ? load(out) + sums[r][v] : sums[r][v]);
    }
  }
}

/// All m rows for one strip of kVectors vectors: full tiles of kRows, then halves of them.
template <int kRows, int kVectors>
void multiply_strip(int64_t m, int64_t k, const float* a, int64_t row_stride, int64_t k_stride,
                    const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  int64_t row = 0;
  for (; row + kRows <= m; row += kRows) {
    multiply_tile<kRows, kVectors>(k, a + row * row_stride, row_stride, k_stride, b, ldb,
                                   c + row * ldc, ldc, accumulate);
  }
  if constexpr (kRows > 1) {
    if (row < m) {
      multiply_strip<kRows / 2, kVectors>(m - row, k, a + row * row_stride, row_stride, k_stride, b,
                                          ldb, c + row * ldc, ldc, accumulate);
    }
  }
}

/// Transposes kWidth x kWidth values by log2(kWidth) rounds of pairwise exchange.
template <int kStep, int... kLanes>
inline void exchange(Vec& low, Vec& high) {
  const Vec a = low;
  const Vec b = high;
  low = __builtin_shufflevector(a, b,
                                ((kLanes & kStep) ? (kLanes - kStep) + int{kWidth} : kLanes)...);
  high =
      __builtin_shufflevector(a, b, ((kLanes & kStep) ? kLanes + int{kWidth} : kLanes + kStep)...);
}

template <int kStep>
inline void transpose_round(Vec (&rows)[kWidth]) {
#pragma GCC unroll 16
  for (int i = 0; i < int{kWidth}; ++i) {
    if (i & kStep) continue;
#if defined(__AVX512F__)
    exchange<kStep, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>(rows[i], rows[i + kStep]);
#elif defined(__AVX2__)
    exchange<kStep, 0, 1, 2, 3, 4, 5, 6, 7>(rows[i], rows[i + kStep]);
#else
    exchange<kStep, 0, 1, 2, 3>(rows[i], rows[i + kStep]);
#endif
  }
}

inline void transpose(Vec (&rows)[kWidth]) {
  if constexpr (kWidth > 8) transpose_round<8>(rows);
  if constexpr (kWidth > 4) transpose_round<4>(rows);
  transpose_round<2>(rows);
  transpose_round<1>(rows);
}

template <typename Type>
void pack_panel_of(const void* weights, int64_t ldw, int64_t columns, int64_t k, float* panel) {
  const auto* w = static_cast<const typename Type::Element*>(weights);
  constexpr int64_t kColumns = kTileVectors * kWidth;
  for (int64_t first = 0; first < kColumns; first += kWidth) {
    const int64_t valid = columns - first < kWidth ? columns - first : kWidth;
    int64_t i = 0;
    for (; i + kWidth <= k; i += kWidth) {
      Vec rows[kWidth];
      for (int64_t n = 0; n < kWidth; ++n) {
        rows[n] = n < valid ? Type::vec(w + (first + n) * ldw + i) : Vec{};
      }
      transpose(rows);
      for (int64_t j = 0; j < kWidth; ++j) store(panel + (i + j) * kColumns + first, rows[j]);
    }
    for (; i < k; ++i) {
      for (int64_t n = 0; n < kWidth; ++n) {
        panel[i * kColumns + first + n] = n < valid ? Type::one(w + (first + n) * ldw + i) : 0.0f;
      }
    }
  }
}

}  // namespace

const int64_t kPanelColumns = kTileVectors * kWidth;

void pack_panel(Storage storage, const void* weights, int64_t ldw, int64_t columns, int64_t k,
                float* panel) {
  switch (storage) {
    case Storage::kF32:
      return pack_panel_of<F32>(weights, ldw, columns, k, panel);
    case Storage::kF16:
      return pack_panel_of<F16>(weights, ldw, columns, k, panel);
    case Storage::kBF16:
      return pack_panel_of<BF16>(weights, ldw, columns, k, panel);
    default:
      return;  // blocks are expanded to float32 first
  }
}

void multiply_panel(int64_t m, int64_t k, const float* a, int64_t lda, const float* panel, float* c,
                    int64_t ldc, int64_t columns, bool accumulate) {
  constexpr int64_t kColumns = kTileVectors * kWidth;
  if (columns == kColumns) {
    multiply_strip<kTileRows, kTileVectors>(m, k, a, lda, 1, panel, kColumns, c, ldc, accumulate);
    return;
  }
  // The matrix's last columns: whole tiles into a buffer, of which the valid part is kept.
  float tile[kTileRows * kColumns];
  for (int64_t row = 0; row < m; row += kTileRows) {
    const int64_t rows = m - row < kTileRows ? m - row : kTileRows;
    multiply_strip<kTileRows, kTileVectors>(rows, k, a + row * lda, lda, 1, panel, kColumns, tile,
                                            kColumns, false);
    for (int64_t r = 0; r < rows; ++r) {
      float* out = c + (row + r) * ldc;
      for (int64_t n = 0; n < columns; ++n) {
        out[n] = tile[r * kColumns + n] + (accumulate ? out[n] : 0.0f);
      }
    }
  }
}

void multiply_small(int64_t m, int64_t n, int64_t k, const float* a, int64_t row_stride,
                    int64_t k_stride, const float* b, int64_t ldb, float* c, int64_t ldc,
                    bool accumulate) {
  constexpr int64_t kWide = kRegisters == 32 ? 4 : 2;
  int64_t column = 0;
  for (; column + kWide * kWidth <= n; column += kWide * kWidth) {
    multiply_strip<6, kWide>(m, k, a, row_stride, k_stride, b + column, ldb, c + column, ldc,
                             accumulate);
  }
  for (; column < n; column += kWidth) {
    multiply_strip<kTileRows, 1>(m, k, a, row_stride, k_stride, b + column, ldb, c + column, ldc,
                                 accumulate);
  }
}

}  // namespace owl3::cpu::OWL3_ISA
