// Products of pairs of bf16, and what attention over keys and values in such pairs needs besides
// (key_value_layout.h): with the processor's bf16 dot products where it has them, else with the
// pairs taken apart in registers.
//
// Lanes are queries: 16 sums in registers for 10 loads, or for 17.
#include "backend/cpu/fetch_ahead.h"
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/pairs.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

constexpr int64_t kPackChannels = 256;

/// c (+)= a b for kRows x kVectors vectors, over all pairs.
template <int kRows, int kVectors>
inline void multiply_tile(int64_t pairs, const uint32_t* a, int64_t row_stride, int64_t pair_stride,
                          const uint32_t* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  Vec sums[kRows][kVectors] = {};
  for (int64_t i = 0; i < pairs; ++i) {
    UVec column[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) column[v] = load_pairs(b + i * ldb + v * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const UVec x = broadcast_pair(a[r * row_stride + i * pair_stride]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] = dot_pairs(sums[r][v], x, column[v]);
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

template <int kRows, int kVectors>
void multiply_rows(int64_t m, int64_t pairs, const uint32_t* a, int64_t row_stride,
                   int64_t pair_stride, const uint32_t* b, int64_t ldb, float* c, int64_t ldc,
                   bool accumulate) {
  int64_t row = 0;
  for (; row + kRows <= m; row += kRows) {
    multiply_tile<kRows, kVectors>(pairs, a + row * row_stride, row_stride, pair_stride, b, ldb,
                                   c + row * ldc, ldc, accumulate);
  }
  if constexpr (kRows > 1) {
    if (row < m) {
      multiply_rows<kRows / 2, kVectors>(m - row, pairs, a + row * row_stride, row_stride,
                                         pair_stride, b, ldb, c + row * ldc, ldc, accumulate);
    }
  }
}

}  // namespace

void multiply_pairs(int64_t m, int64_t n, int64_t pairs, const uint32_t* a, int64_t row_stride,
                    int64_t pair_stride, const uint32_t* b, int64_t ldb, float* c, int64_t ldc,
                    bool accumulate) {
  int64_t column = 0;
  for (; column + 2 * kWidth <= n; column += 2 * kWidth) {
    multiply_rows<8, 2>(m, pairs, a, row_stride, pair_stride, b + column, ldb, c + column, ldc,
                        accumulate);
  }
  for (; column < n; column += kWidth) {
    multiply_rows<16, 1>(m, pairs, a, row_stride, pair_stride, b + column, ldb, c + column, ldc,
                         accumulate);
  }
}

void scale_columns(float* x, int64_t rows, int64_t n, int64_t ldx, const float* scales) {
  bool changes = false;  // maxima settle after the first keys
  for (int64_t i = 0; i < n; ++i) changes |= scales[i] != 1.0f;
  if (!changes) return;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < n; i += kWidth) {
      store(x + row * ldx + i, load(x + row * ldx + i) * load(scales + i));
    }
  }
}

void pack_keys(const float* x, int64_t stride, int64_t count, int64_t first, int64_t d,
               uint16_t* keys) {
  for (int64_t t = 0; t < count; ++t) {
    if (t + kRowsAhead < count) fetch_ahead(x + (t + kRowsAhead) * stride, 4 * d);
    uint16_t* target = keys + packed_key_index(first + t, 0, d);
    for (int64_t i = 0; i < d; i += kPackChannels) {
      const int64_t channels = d - i < kPackChannels ? d - i : kPackChannels;
      uint16_t rounded[kPackChannels + 1];
      to_bf16(x + t * stride + i, rounded, channels);
      rounded[channels] = 0;  // completes the pair of an odd head
      for (int64_t pair = 0; pair < head_pairs(channels); ++pair) {
        __builtin_memcpy(target + (i / 2 + pair) * kKeysPerBlock * 2, rounded + 2 * pair, 4);
      }
    }
  }
}

void pack_values(const float* x, int64_t stride, int64_t count, int64_t first, int64_t d,
                 uint16_t* values) {
  for (int64_t t = 0; t < count; ++t) {
    if (t + kRowsAhead < count) fetch_ahead(x + (t + kRowsAhead) * stride, 4 * d);
    uint16_t* target = values + packed_value_index(first + t, 0, d);
    for (int64_t i = 0; i < d; i += kPackChannels) {
      const int64_t channels = d - i < kPackChannels ? d - i : kPackChannels;
      uint16_t rounded[kPackChannels];
      to_bf16(x + t * stride + i, rounded, channels);
      for (int64_t j = 0; j < channels; ++j) target[2 * (i + j)] = rounded[j];
    }
  }
}

void expand_int8(const int8_t* x, uint16_t* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) {
    store_bf16(y + i, __builtin_convertvector(load_bytes(x + i), Vec));
  }
}

}  // namespace owl3::cpu::OWL3_ISA
