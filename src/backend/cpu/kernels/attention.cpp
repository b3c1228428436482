// Attention over keys and values in bf16, packed in pairs (key_value_layout.h): with the
// processor's bf16 dot products where it has them, else with the pairs taken apart in registers.
//
// Many queries: products of small matrices whose lanes are queries, K Q^T and V^T P, 16 sums in
// registers for 10 loads. Few queries (decoding): lanes are keys, then channels, so that every
// vector of keys and values is loaded once and serves all queries of the head's group: 64 dot
// products for 512 bytes at 8 queries and a head size of 128.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

constexpr int64_t kPackChannels = 256;

typedef uint32_t UnalignedUVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

inline UVec load_pairs(const uint32_t* p) {
  return *reinterpret_cast<const UnalignedUVec*>(p);
}
inline UVec broadcast_pair(uint32_t pair) {
  return UVec{} + pair;
}

inline Vec low_of(UVec pairs) {
  return reinterpret_cast<Vec>(pairs << 16);
}
inline Vec high_of(UVec pairs) {
  return reinterpret_cast<Vec>(pairs & 0xffff0000u);
}

/// sum + a.low * b.low + a.high * b.high
inline Vec dot_pairs(Vec sum, UVec a, UVec b) {
#if defined(__AVX512BF16__)
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
#else
  return sum + low_of(a) * low_of(b) + high_of(a) * high_of(b);
#endif
}

/// c (+)= a b for kRows x kVectors vectors, over all pairs.
template <int kRows, int kVectors>
inline void multiply_tile(int64_t pairs, const uint32_t* a, int64_t row_stride, int64_t pair_stride,
                          const uint32_t* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  Vec sums[kRows][kVectors] = {};
  for (int64_t i = 0; i < pairs; ++i) {
    UVec column[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) column[v] = load_pairs(b + i * ldb + v * kWidth);
#pragma GCC unroll 8
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

/// Scores of kRows queries with the 16 keys of a block.  q [kRows, pairs], keys [pairs, 16]
template <int kRows>
inline void score_block(int64_t pairs, const uint32_t* q, const uint32_t* keys, float* scores,
                        int64_t ldscores) {
  constexpr int kVectors = static_cast<int>(kKeysPerBlock / kWidth);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    Vec even[kRows] = {}, odd[kRows] = {};  // two chains hide the latency
    int64_t i = 0;
    for (; i + 2 <= pairs; i += 2) {
      const UVec a = load_pairs(keys + i * kKeysPerBlock + v * kWidth);
      const UVec b = load_pairs(keys + (i + 1) * kKeysPerBlock + v * kWidth);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        even[r] = dot_pairs(even[r], broadcast_pair(q[r * pairs + i]), a);
        odd[r] = dot_pairs(odd[r], broadcast_pair(q[r * pairs + i + 1]), b);
      }
    }
    if (i < pairs) {
      const UVec a = load_pairs(keys + i * kKeysPerBlock + v * kWidth);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        even[r] = dot_pairs(even[r], broadcast_pair(q[r * pairs + i]), a);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) store(scores + r * ldscores + v * kWidth, even[r] + odd[r]);
  }
}

inline IVec lane_numbers() {
  IVec lanes = {};
  for (int32_t i = 0; i < int32_t{kWidth}; ++i) lanes[i] = i;
  return lanes;
}

inline float largest_of(Vec v) {
  float values[kWidth];
  store(values, v);
  float largest = values[0];
  for (const float value : values) largest = value > largest ? value : largest;
  return largest;
}

/// One row's step of the online softmax; writes its weights in bf16 and returns the factor for
/// what the row has summed so far.
inline float softmax_row(const FewRowsStep& step, int64_t row, float* scores, uint16_t* weights) {
  const Vec never = broadcast(-__builtin_inff());
  const IVec limit = IVec{} + step.limits[row];
  Vec largest = never;
  for (int64_t j = 0; j < step.keys; j += kWidth) {
    Vec score = load(scores + j);
    if (step.key_scales != nullptr) score *= load(step.key_scales + j);
    score = lane_numbers() + static_cast<int32_t>(j) < limit ? score : never;
    store(scores + j, score);
    largest = maximum(largest, score);
  }
  const float old_maximum = step.maxima[row];
  const float step_maximum = largest_of(largest);
  const float new_maximum = step_maximum > old_maximum ? step_maximum : old_maximum;
  const bool seen = new_maximum > -__builtin_inff();
  const Vec base = broadcast(seen ? new_maximum : 0.0f);
  Vec sum = {};
  for (int64_t j = 0; j < step.keys; j += kWidth) {
    const Vec score = load(scores + j);
    Vec weight = score == never ? Vec{} : exponential(score - base);  // of NaN, NaN
    sum += weight;
    if (step.value_scales != nullptr) weight *= load(step.value_scales + j);
    store_bf16(weights + j, weight);
  }
  float scale = 0;
  if (old_maximum > -__builtin_inff()) {
    float scales[kWidth];
    store(scales, exponential(broadcast(old_maximum) - base));
    scale = scales[0];
  }
  step.maxima[row] = new_maximum;
  step.sums[row] = step.sums[row] * scale + sum_of(sum);
  return scale;
}

/// out = scale * out + weights V.  weights [kRows, pairs], values [pairs, width], out [kRows,
/// width]
template <int kRows>
inline void add_values(int64_t pairs, int64_t width, const uint32_t* weights, int64_t ldweights,
                       const uint32_t* values, const float* scales, float* out) {
  for (int64_t i = 0; i < width; i += kWidth) {
    Vec even[kRows], odd[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      even[r] = load(out + r * width + i) * scales[r];
      odd[r] = Vec{};
    }
    for (int64_t j = 0; j + 2 <= pairs; j += 2) {  // keys come in blocks of 16: pairs are even
      const UVec a = load_pairs(values + j * width + i);
      const UVec b = load_pairs(values + (j + 1) * width + i);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        even[r] = dot_pairs(even[r], broadcast_pair(weights[r * ldweights + j]), a);
        odd[r] = dot_pairs(odd[r], broadcast_pair(weights[r * ldweights + j + 1]), b);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) store(out + r * width + i, even[r] + odd[r]);
  }
}

template <int kRows>
void attend_rows(const FewRowsStep& step, int64_t first) {
  const int64_t pairs = head_pairs(step.d);
  const int64_t width = padded_head_size(step.d);
  const uint32_t* queries = step.queries + first * pairs;
  float scores[kRows * kFewRowsKeys];
  uint32_t weights[kRows * kFewRowsKeys / 2];
  float scales[kRows];
  for (int64_t block = 0; block < step.keys / kKeysPerBlock; ++block) {
    score_block<kRows>(pairs, queries, step.k + block * kKeysPerBlock * pairs,
                       scores + block * kKeysPerBlock, kFewRowsKeys);
  }
#pragma GCC unroll 16
  for (int64_t r = 0; r < kRows; ++r) {
    scales[r] = softmax_row(step, first + r, scores + r * kFewRowsKeys,
                            reinterpret_cast<uint16_t*>(weights + r * kFewRowsKeys / 2));
  }
  add_values<kRows>(step.keys / 2, width, weights, kFewRowsKeys / 2, step.v, scales,
                    step.out + first * width);
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
    multiply_rows<8, 1>(m, pairs, a, row_stride, pair_stride, b + column, ldb, c + column, ldc,
                        accumulate);
  }
}

void pair_rows(const float* x, int64_t rows, int64_t n, uint32_t* pairs) {
  for (int64_t row = 0; row < rows; row += 2) {
    for (int64_t i = 0; i < n; i += kWidth) {
      uint16_t low[kWidth], high[kWidth];
      store_bf16(low, load(x + row * n + i));
      store_bf16(high, load(x + (row + 1) * n + i));
      const UVec wide_low = __builtin_convertvector(*reinterpret_cast<UnalignedHVec*>(low), UVec);
      const UVec wide_high = __builtin_convertvector(*reinterpret_cast<UnalignedHVec*>(high), UVec);
      *reinterpret_cast<UnalignedUVec*>(pairs + row / 2 * n + i) = wide_low | (wide_high << 16);
    }
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

void attend_few_rows(const FewRowsStep& step) {
  int64_t row = 0;
  for (; row + 8 <= step.rows; row += 8) attend_rows<8>(step, row);
  switch (step.rows - row) {
    case 1:
      return attend_rows<1>(step, row);
    case 2:
      return attend_rows<2>(step, row);
    case 3:
      return attend_rows<3>(step, row);
    case 4:
      return attend_rows<4>(step, row);
    case 5:
      return attend_rows<5>(step, row);
    case 6:
      return attend_rows<6>(step, row);
    case 7:
      return attend_rows<7>(step, row);
    default:
      return;
  }
}

void pack_keys(const float* x, int64_t stride, int64_t count, int64_t first, int64_t d,
               uint16_t* keys) {
  for (int64_t t = 0; t < count; ++t) {
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
