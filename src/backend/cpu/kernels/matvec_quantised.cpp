// Products of a few rows with quantised weights, at the speed of memory.
//
// x is quantised once to int8 by groups of 32; then every weight is read once, unpacked to bytes in
// registers, and multiplied as integers (VNNI's dot products of 4 bytes where the processor has
// them). All formats are walked in spans of 256 values, 8 groups of 32, so that scales are handled
// as vectors: per group scale(w) * scale(x), spread to the lanes that hold the group's sums. From
// the L1 cache, a Zen 4 core with VNNI reads 51 GB/s of q8_0, 36 of q4_0, 34 of q6_k and 21 of
// q4_k; its share of memory bandwidth is some 17.
//
// Offsets (q - 8, q - 32, and 128 that makes q8_0 unsigned for VNNI) are taken off as integers:
// each sum of 4 products starts at -offset * (sum of its 4 x), which is part of the prepared x. The
// minima of Q4_K meet the sums of x by groups.
#include "backend/cpu/kernels/blocks.h"
#include "backend/cpu/kernels/kernels_internal.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

constexpr int64_t kSpan = 256;
constexpr int64_t kGroup = 32;
constexpr int64_t kGroups = kSpan / kGroup;

}  // namespace

#if defined(__AVX2__)

namespace {

constexpr int64_t kStep = 4 * kWidth;  // values in a vector of bytes
constexpr int64_t kSteps = kSpan / kStep;

int64_t spans_of(int64_t k) {
  return (k + kSpan - 1) / kSpan;
}

typedef uint8_t ByteVec __attribute__((vector_size(kStep)));
typedef uint8_t UnalignedByteVec __attribute__((vector_size(kStep), aligned(1), may_alias));
typedef float Vec8 __attribute__((vector_size(32)));
typedef float UnalignedVec8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t IVec8 __attribute__((vector_size(32)));

/// One prepared span of x; behind k all zero. Values of Q4_0 lie as its bytes unpack (see below).
struct PreparedSpan {
  int8_t values[kSpan];
  int32_t offsets[kSpan / 4];  // where the sums of a step (the first of a chain) start
  float scales[kGroups];
  float sums[kGroups];  // scale * sum of the group's values
};

inline ByteVec load_step(const void* p) {
  return *static_cast<const UnalignedByteVec*>(p);
}

#if defined(__AVX512F__)
inline __m512i raw(ByteVec v) {
  return reinterpret_cast<__m512i>(v);
}

/// start + sums of 4 products of unsigned u and signed x.
inline IVec dot_unsigned(IVec start, ByteVec u, ByteVec x) {
#if defined(__AVX512VNNI__)
  return reinterpret_cast<IVec>(
      _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(start), raw(u), raw(x)));
#else
  const __m512i pairs = _mm512_maddubs_epi16(raw(u), raw(x));
  return start + reinterpret_cast<IVec>(_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}

#if !defined(__AVX512VNNI__)
/// The same of two signed vectors.
inline IVec dot_signed(ByteVec w, ByteVec x) {
  const __m512i zero = _mm512_setzero_si512();
  const __mmask64 negative = _mm512_movepi8_mask(raw(w));
  const __m512i signed_x = _mm512_mask_sub_epi8(raw(x), negative, zero, raw(x));
  return dot_unsigned(IVec{}, reinterpret_cast<ByteVec>(_mm512_abs_epi8(raw(w))),
                      reinterpret_cast<ByteVec>(signed_x));
}
#endif

/// The 32 bytes at p in both halves.
inline __m512i load_twice(const void* p) {
  return _mm512_broadcast_i64x4(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}

// Shifts of 16-bit lanes that differ between the halves.
inline __m512i lane_counts(int low_half, int high_half) {
  const __m256i low = _mm256_set1_epi16(static_cast<int16_t>(low_half));
  const __m256i high = _mm256_set1_epi16(static_cast<int16_t>(high_half));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
inline __m512i shift_left(__m512i v, int low_half, int high_half) {
  return _mm512_sllv_epi16(v, lane_counts(low_half, high_half));
}
inline __m512i shift_right(__m512i v, int low_half, int high_half) {
  return _mm512_srlv_epi16(v, lane_counts(low_half, high_half));
}

/// The 8 groups' values spread to the lanes of step i: lane l holds group 2 i + l / 8.
inline Vec spread(Vec8 groups, int64_t i) {
  const IVec lanes = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  return __builtin_shuffle(reinterpret_cast<Vec>(_mm512_castps256_ps512(groups)),
                           lanes + 2 * static_cast<int32_t>(i));
}

/// The same with 4 lanes to a group.
inline Vec spread_by_4(Vec8 groups, int64_t first) {
  const IVec lanes = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  return __builtin_shuffle(reinterpret_cast<Vec>(_mm512_castps256_ps512(groups)),
                           lanes + static_cast<int32_t>(first));
}

inline Vec widen(Vec8 v) {
  return _mm512_zextps256_ps512(v);
}

#else
inline __m256i raw(ByteVec v) {
  return reinterpret_cast<__m256i>(v);
}

inline IVec dot_unsigned(IVec start, ByteVec u, ByteVec x) {
  const __m256i pairs = _mm256_maddubs_epi16(raw(u), raw(x));
  return start + reinterpret_cast<IVec>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

inline IVec dot_signed(ByteVec w, ByteVec x) {
  return dot_unsigned(IVec{}, reinterpret_cast<ByteVec>(_mm256_abs_epi8(raw(w))),
                      reinterpret_cast<ByteVec>(_mm256_sign_epi8(raw(x), raw(w))));
}

inline Vec spread(Vec8 groups, int64_t i) {
  return __builtin_shuffle(groups, IVec{} + static_cast<int32_t>(i));
}

inline Vec widen(Vec8 v) {
  return v;
}
#endif

inline Vec8 load8(const float* p) {
  return *reinterpret_cast<const UnalignedVec8*>(p);
}

inline Vec8 half_to_float(__m128i halves) {
  return _mm256_cvtph_ps(halves);
}

/// A span's blocks of 32 values. kWhole: there are 8; else those behind the last are the last one.
template <typename Block, bool kWhole>
struct BlocksOf32 {
  const Block* blocks;
  int64_t last;

  const Block& operator[](int64_t i) const { return blocks[kWhole || i < last ? i : last]; }
};

/// The d of 8 blocks of 32 values.
template <typename Blocks>
inline Vec8 scales_of(const Blocks& blocks) {
  const auto d = [&](int64_t i) { return static_cast<int16_t>(blocks[i].d); };
  return half_to_float(_mm_setr_epi16(d(0), d(1), d(2), d(3), d(4), d(5), d(6), d(7)));
}

#if defined(__AVX512F__)
// The same of whole spans: 8 single loads would cost as much as the blocks' arithmetic.

/// The words of the 128 bytes at p that `indices` say.
inline __m128i pick_words(const void* p, __m128i indices) {
  const auto* bytes = static_cast<const char*>(p);
  return _mm512_castsi512_si128(_mm512_permutex2var_epi16(
      _mm512_loadu_si512(bytes), _mm512_castsi128_si512(indices), _mm512_loadu_si512(bytes + 64)));
}

inline Vec8 scales_of(const BlocksOf32<BlockQ4_0, true>& blocks) {
  return half_to_float(pick_words(blocks.blocks, _mm_setr_epi16(0, 9, 18, 27, 36, 45, 54, 63)));
}

inline Vec8 scales_of(const BlocksOf32<BlockQ8_0, true>& blocks) {
  const __m128i indices = _mm_setr_epi16(0, 17, 34, 51, 0, 0, 0, 0);
  return half_to_float(_mm_unpacklo_epi64(pick_words(blocks.blocks, indices),
                                          pick_words(blocks.blocks + 4, indices)));
}
#endif

inline Vec8 bytes_to_float(const uint32_t (&bytes)[2]) {
  const auto both = static_cast<int64_t>(uint64_t{bytes[1]} << 32 | bytes[0]);
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(both)));
}

// Each format: how a span's scales and bytes are read. Step i holds values kStep * i onward; kChain
// steps after another have the same scales in each lane. Scales: those of the weights times those
// of x, kept until spread to the lanes of a step.

template <bool kWhole>
struct Q8_0 {
  typedef BlockQ8_0 Block;
  typedef Vec8 Scales;
  static constexpr int64_t kBlockValues = 32;
  static constexpr int64_t kChain = 1;
  static constexpr bool kMinima = false;
#if defined(__AVX512VNNI__)
  static constexpr bool kSigned = false;  // taken as unsigned, 128 more than they are
  static constexpr int32_t kOffset = 128;
#else
  static constexpr bool kSigned = true;
  static constexpr int32_t kOffset = 0;
#endif
  BlocksOf32<Block, kWhole> blocks;

  Q8_0() = default;
  Q8_0(const Block* first, int64_t last) : blocks{first, last} {}
  Scales scales(Vec8 x) const {
    return scales_of(blocks) * x;
  }
  static Vec lane_scales(const Scales& scales, int64_t i) {
    return spread(scales, i);
  }
  ByteVec bytes(int64_t i) const {
#if defined(__AVX512F__)
    const auto half = [&](int64_t block) {
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(blocks[block].qs));
    };
    const auto both = reinterpret_cast<ByteVec>(
        _mm512_inserti64x4(_mm512_castsi256_si512(half(2 * i)), half(2 * i + 1), 1));
#else
    const ByteVec both = load_step(blocks[i].qs);
#endif
    return both ^ static_cast<uint8_t>(kOffset);
  }
};

// With 512 bits, the nibbles of 4 blocks unpack to the low halves of all 4, then to the high ones,
// and x is prepared in that order: so both have the same scales in each lane, and one sum.
template <bool kWhole>
struct Q4_0 {
  typedef BlockQ4_0 Block;
  typedef Vec8 Scales;
  static constexpr int64_t kBlockValues = 32;
  static constexpr int64_t kChain = kWidth == 16 ? 2 : 1;
  static constexpr bool kSigned = false, kMinima = false;
  static constexpr int32_t kOffset = 8;
  BlocksOf32<Block, kWhole> blocks;

  Q4_0() = default;
  Q4_0(const Block* first, int64_t last) : blocks{first, last} {}
  Scales scales(Vec8 x) const { return scales_of(blocks) * x; }
  static __m128i nibbles(const Block& block) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.qs));
  }
#if defined(__AVX512F__)
  static Vec lane_scales(const Scales& scales, int64_t i) {
    return spread_by_4(scales, 2 * i);
  }
  ByteVec bytes(int64_t i) const {
    const __m512i q = nibbles_of_4(i / 2 * 4);
    return reinterpret_cast<ByteVec>(i % 2 == 0 ? q : _mm512_srli_epi16(q, 4)) & uint8_t{15};
  }
  __m512i nibbles_of_4(int64_t first) const {
    if constexpr (kWhole) {
      // The 4 blocks' 36 words, of which the second load has the last 32: all but every ninth.
      const auto* words = reinterpret_cast<const char*>(blocks.blocks + first);
      typedef int16_t Words __attribute__((vector_size(64)));
      const Words indices = {1,  2,  3,  4,  5,  6,  7,  8,  10, 11, 12, 13, 14, 15, 16, 17,
                             19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31, 60, 61, 62, 63};
      return _mm512_permutex2var_epi16(_mm512_loadu_si512(words),
                                       reinterpret_cast<__m512i>(indices),
                                       _mm512_loadu_si512(words + 8));
    } else {
      const auto two = [&](int64_t at) {
        return _mm256_set_m128i(nibbles(blocks[at + 1]), nibbles(blocks[at]));
      };
      return _mm512_inserti64x4(_mm512_castsi256_si512(two(first)), two(first + 2), 1);
    }
  }
#else
  static Vec lane_scales(const Scales& scales, int64_t i) {
    return spread(scales, i);
  }
  ByteVec bytes(int64_t i) const {
    const __m128i q = nibbles(blocks[i]);
    return reinterpret_cast<ByteVec>(_mm256_set_m128i(_mm_srli_epi16(q, 4), q)) & uint8_t{15};
  }
#endif
};

template <bool>
struct Q4_K {
  typedef BlockQ4_K Block;
  typedef Vec8 Scales;
  static constexpr int64_t kBlockValues = 256;
  static constexpr int64_t kChain = 1;
  static constexpr bool kSigned = false, kMinima = true;
  static constexpr int32_t kOffset = 0;
  const Block* block;
  Vec8 weight_scales;
  Vec8 minima;

  Q4_K() = default;
  Q4_K(const Block* first, int64_t) : block(first) {
    uint32_t packed_scales[2], packed_minima[2];
    unpack_scales(*first, packed_scales, packed_minima);
    weight_scales = bytes_to_float(packed_scales) * float_of_f16(first->d);
    minima = bytes_to_float(packed_minima) * float_of_f16(first->dmin);
  }
  Scales scales(Vec8 x) const { return weight_scales * x; }
  static Vec lane_scales(const Scales& scales, int64_t i) { return spread(scales, i); }
  ByteVec bytes(int64_t i) const {
#if defined(__AVX512F__)
    const __m512i q = load_twice(block->qs + 32 * i);
    return reinterpret_cast<ByteVec>(shift_right(q, 0, 4)) & uint8_t{15};
#else
    const ByteVec q = load_step(block->qs + 32 * (i / 2));
    return reinterpret_cast<ByteVec>(i % 2 == 0 ? raw(q) : _mm256_srli_epi16(raw(q), 4)) &
           uint8_t{15};
#endif
  }
};

template <bool>
struct Q6_K {
  typedef BlockQ6_K Block;
  struct Scales {
    Vec of_16_values[16 / kWidth];
  };
  static constexpr int64_t kBlockValues = 256;
  static constexpr int64_t kChain = 1;
  static constexpr bool kSigned = false, kMinima = false;
  static constexpr int32_t kOffset = 32;
  const Block* block;

  Q6_K() = default;
  Q6_K(const Block* first, int64_t) : block(first) {}
  Scales scales(Vec8 x) const {
    // Groups of x have twice as many values.
#if defined(__AVX512F__)
    const IVec lanes = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
#else
    const IVec lanes = {0, 0, 1, 1, 2, 2, 3, 3};
#endif
    const float d = float_of_f16(block->d);
    Scales scales;
#pragma GCC unroll 2
    for (int64_t i = 0; i < 16 / kWidth; ++i) {
      const Vec of_x = __builtin_shuffle(widen(x), lanes + static_cast<int32_t>(4 * i));
      const IVec of_weights = load_bytes(block->scales + i * kWidth);
      scales.of_16_values[i] = __builtin_convertvector(of_weights, Vec) * (of_x * d);
    }
    return scales;
  }
  /// 4 lanes to a group of 16.
  static Vec lane_scales(const Scales& scales, int64_t i) {
    const int64_t first = i * kStep / 16;
#if defined(__AVX512F__)
    const IVec lanes = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
#else
    const IVec lanes = {0, 0, 0, 0, 1, 1, 1, 1};
#endif
    return __builtin_shuffle(scales.of_16_values[first / kWidth],
                             lanes + static_cast<int32_t>(first % kWidth));
  }
  ByteVec bytes(int64_t i) const {
#if defined(__AVX512F__)
    // Steps 0 and 1 are values 0-63 and 64-127 of the first half, 2 and 3 of the second.
    const int64_t half = i / 2;
    const __m512i low = raw(load_step(block->ql + 64 * half));
    const __m512i high = load_twice(block->qh + 32 * half);
    // The high bits stand at 0 and 2, or 4 and 6, of a byte, and belong at 4.
    const bool first = i % 2 == 0;
    const __m512i top = first ? shift_left(high, 4, 2) : shift_right(high, 0, 2);
    const __m512i bottom = first ? low : _mm512_srli_epi16(low, 4);
    return (reinterpret_cast<ByteVec>(bottom) & uint8_t{15}) |
           (reinterpret_cast<ByteVec>(top) & uint8_t{0x30});
#else
    const int64_t half = i / 4, part = i % 4;
    const ByteVec low = load_step(block->ql + 64 * half + 32 * (part % 2));
    const ByteVec high = load_step(block->qh + 32 * half);
    const ByteVec bottom =
        reinterpret_cast<ByteVec>(part < 2 ? raw(low) : _mm256_srli_epi16(raw(low), 4));
    const ByteVec top =
        reinterpret_cast<ByteVec>(_mm256_srli_epi16(raw(high), static_cast<int>(2 * part)));
    return (bottom & uint8_t{15}) |
           reinterpret_cast<ByteVec>(_mm256_slli_epi16(raw(top & uint8_t{3}), 4));
#endif
  }
};

/// Adds one span of kRows rows of weights, `row_blocks` apart, and kInputs rows of x, `spans`
/// apart. Each x is loaded once for all rows.
template <typename Format, int kRows, int kInputs>
inline void dot_span(const typename Format::Block* w, int64_t row_blocks, int64_t last,
                     const PreparedSpan* x, int64_t spans, Vec (&sums)[kRows][kInputs]) {
  Format formats[kRows];
  typename Format::Scales scales[kRows][kInputs];
#pragma GCC unroll 4
  for (int n = 0; n < kRows; ++n) {
    formats[n] = Format(w + n * row_blocks, last);
#pragma GCC unroll 8
    for (int r = 0; r < kInputs; ++r) {
      scales[n][r] = formats[n].scales(load8(x[r * spans].scales));
      if constexpr (Format::kMinima) {
        sums[n][r] -= widen(formats[n].minima * load8(x[r * spans].sums));
      }
    }
  }
  constexpr int64_t kChain = Format::kChain;
#pragma GCC unroll 8
  for (int64_t i = 0; i < kSteps; i += kChain) {
    ByteVec u[kRows][kChain];
#pragma GCC unroll 4
    for (int n = 0; n < kRows; ++n) {
#pragma GCC unroll 2
      for (int64_t j = 0; j < kChain; ++j) u[n][j] = formats[n].bytes(i + j);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kInputs; ++r) {
      const PreparedSpan& input = x[r * spans];
      ByteVec values[kChain];
#pragma GCC unroll 2
      for (int64_t j = 0; j < kChain; ++j) values[j] = load_step(input.values + (i + j) * kStep);
      IVec start = {};
      if constexpr (Format::kOffset != 0) start = load(input.offsets + i * kWidth);
#pragma GCC unroll 4
      for (int n = 0; n < kRows; ++n) {
        IVec dot = start;
#pragma GCC unroll 2
        for (int64_t j = 0; j < kChain; ++j) {
          if constexpr (Format::kSigned) {
            dot = dot_signed(u[n][j], values[j]);
          } else {
            dot = dot_unsigned(dot, u[n][j], values[j]);
          }
        }
        sums[n][r] += __builtin_convertvector(dot, Vec) * Format::lane_scales(scales[n][r], i);
      }
    }
  }
}

/// kRows rows of weights, `row_step` rows apart, with all of x.
template <template <bool> typename Format, int kRows, int kInputs>
void dot_rows(const typename Format<true>::Block* w, int64_t k, int64_t row_step,
              const PreparedSpan* x, float* y, int64_t ldy) {
  constexpr int64_t kBlocksPerSpan = kSpan / Format<true>::kBlockValues;
  const int64_t blocks = k / Format<true>::kBlockValues;
  const int64_t spans = spans_of(k);
  const int64_t whole = k / kSpan;
  Vec sums[kRows][kInputs] = {};
  for (int64_t span = 0; span < whole; ++span) {
    dot_span<Format<true>, kRows, kInputs>(w + span * kBlocksPerSpan, row_step * blocks, 0,
                                           x + span, spans, sums);
  }
  if (whole < spans) {
    const int64_t first = whole * kBlocksPerSpan;
    dot_span<Format<false>, kRows, kInputs>(w + first, row_step * blocks, blocks - 1 - first,
                                            x + whole, spans, sums);
  }
#pragma GCC unroll 4
  for (int n = 0; n < kRows; ++n) {
#pragma GCC unroll 8
    for (int r = 0; r < kInputs; ++r) y[r * ldy + n * row_step] = sum_of(sums[n][r]);
  }
}

// Rows that are taken together lie far apart: each is then a stream of its own to the hardware's
// prefetcher, which goes on in the next row. Neighbours, shorter than a page, would confuse it.
template <template <bool> typename Format, int kInputs>
void dot_all(const void* weights, int64_t rows, int64_t k, const PreparedSpan* x, float* y,
             int64_t ldy) {
  constexpr int kRows = kInputs == 1 ? 4 : kInputs <= 4 ? 2 : 1;
  const auto* w = static_cast<const typename Format<true>::Block*>(weights);
  const int64_t blocks = k / Format<true>::kBlockValues;
  const int64_t row_step = rows / kRows;
  for (int64_t n = 0; n < row_step; ++n) {
    dot_rows<Format, kRows, kInputs>(w + n * blocks, k, row_step, x, y + n, ldy);
  }
  for (int64_t n = row_step * kRows; n < rows; ++n) {
    dot_rows<Format, 1, kInputs>(w + n * blocks, k, 0, x, y + n, ldy);
  }
}

template <template <bool> typename Format>
void matvec_of(const void* weights, int64_t rows, int64_t k, const void* prepared, int64_t m,
               float* y, int64_t ldy) {
  const auto* x = static_cast<const PreparedSpan*>(prepared);
  const int64_t spans = spans_of(k);
  int64_t done = 0;
  for (; done + 4 <= m; done += 4) {
    dot_all<Format, 4>(weights, rows, k, x + done * spans, y + done * ldy, ldy);
  }
  x += done * spans;
  y += done * ldy;
  switch (m - done) {
    case 1:
      return dot_all<Format, 1>(weights, rows, k, x, y, ldy);
    case 2:
      return dot_all<Format, 2>(weights, rows, k, x, y, ldy);
    case 3:
      return dot_all<Format, 3>(weights, rows, k, x, y, ldy);
    default:
      return;
  }
}

/// Where value j of a span lies for Q4_0 with 512 bits: of 4 blocks, all low halves come first.
int64_t interleaved(int64_t j) {
  return j / 128 * 128 + j / 16 % 2 * 64 + j / 32 % 4 * 16 + j % 16;
}

/// Rounds a group of x to `rounded`; returns its scale, NaN where x holds NaN.
float round_group(const float* x, int8_t* rounded, int32_t& sum) {
  Vec largest = {};
  Vec nothing = {};  // 0 unless x holds NaN, which no maximum keeps
  for (int64_t j = 0; j < kGroup; j += kWidth) {
    const Vec v = load(x + j);
    largest = maximum(largest, maximum(v, -v));
    nothing += v * 0.0f;
  }
  const float limit = largest_of(largest) + sum_of(nothing);
  if (!(limit < __builtin_inff())) {
    __builtin_memset(rounded, 0, kGroup);
    sum = 0;
    return __builtin_nanf("");
  }
  const float inverse = limit > 0 ? 127.0f / limit : 0.0f;
  Vec total = {};  // of integers, exact
  for (int64_t j = 0; j < kGroup; j += kWidth) {
    const Vec q = round_to_integer(load(x + j) * inverse);
    total += q;
    store_bytes(rounded + j, __builtin_convertvector(q, IVec));
  }
  sum = static_cast<int32_t>(sum_of(total));
  return limit / 127.0f;
}

void prepare_span(Storage storage, const float* x, PreparedSpan& span) {
  const bool interleave = storage == Storage::kQ4_0 && Q4_0<true>::kChain == 2;
  const int32_t offset = storage == Storage::kQ8_0   ? Q8_0<true>::kOffset
                         : storage == Storage::kQ4_0 ? Q4_0<true>::kOffset
                         : storage == Storage::kQ6_K ? Q6_K<true>::kOffset
                                                     : 0;
  for (int64_t group = 0; group < kGroups; ++group) {
    int32_t sum = 0;
    int8_t rounded[kGroup];
    span.scales[group] = round_group(x + group * kGroup, rounded, sum);
    span.sums[group] = span.scales[group] * static_cast<float>(sum);
    for (int64_t j = 0; j < kGroup; j += 16) {
      const int64_t at = group * kGroup + j;
      __builtin_memcpy(span.values + (interleave ? interleaved(at) : at), rounded + j, 16);
    }
  }
  const int64_t chain = interleave ? 2 : 1;
  for (int64_t i = 0; i < kSteps; i += chain) {
    IVec sums = {};
    for (int64_t j = i; j < i + chain; ++j) {
      sums = dot_unsigned(sums, ByteVec{} + uint8_t{1}, load_step(span.values + j * kStep));
    }
    const IVec offsets = sums * -offset;
    __builtin_memcpy(span.offsets + i * kWidth, &offsets, sizeof offsets);
  }
}

}  // namespace

size_t prepared_bytes(int64_t k) {
  return static_cast<size_t>(spans_of(k)) * sizeof(PreparedSpan);
}

void prepare_input(Storage storage, const float* x, int64_t k, void* prepared) {
  auto* spans = static_cast<PreparedSpan*>(prepared);
  int64_t first = 0;
  for (; first + kSpan <= k; first += kSpan) {
    prepare_span(storage, x + first, spans[first / kSpan]);
  }
  if (first == k) return;
  float last[kSpan] = {};
  __builtin_memcpy(last, x + first, static_cast<size_t>(k - first) * sizeof(float));
  prepare_span(storage, last, spans[first / kSpan]);
}

void matvec_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                      const void* prepared, int64_t m, float* y, int64_t ldy) {
  switch (storage) {
    case Storage::kQ8_0:
      return matvec_of<Q8_0>(weights, rows, k, prepared, m, y, ldy);
    case Storage::kQ4_0:
      return matvec_of<Q4_0>(weights, rows, k, prepared, m, y, ldy);
    case Storage::kQ4_K:
      return matvec_of<Q4_K>(weights, rows, k, prepared, m, y, ldy);
    case Storage::kQ6_K:
      return matvec_of<Q6_K>(weights, rows, k, prepared, m, y, ldy);
    default:
      return;
  }
}

#else

// Without vectors of bytes: x stays as it is, weights are expanded span by span.

namespace {

int64_t bytes_of_span(Storage storage) {
  switch (storage) {
    case Storage::kQ8_0:
      return kGroups * int64_t{sizeof(BlockQ8_0)};
    case Storage::kQ4_0:
      return kGroups * int64_t{sizeof(BlockQ4_0)};
    case Storage::kQ4_K:
      return sizeof(BlockQ4_K);
    default:
      return sizeof(BlockQ6_K);
  }
}

int64_t row_bytes(Storage storage, int64_t k) {
  return bytes_of_span(storage) * (k / kGroup) / kGroups;
}

}  // namespace

size_t prepared_bytes(int64_t k) {
  return static_cast<size_t>(k) * sizeof(float);
}

void prepare_input(Storage, const float* x, int64_t k, void* prepared) {
  __builtin_memcpy(prepared, x, static_cast<size_t>(k) * sizeof(float));
}

void matvec_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                      const void* prepared, int64_t m, float* y, int64_t ldy) {
  const auto* x = static_cast<const float*>(prepared);
  for (int64_t n = 0; n < rows; ++n) {
    const auto* row = static_cast<const uint8_t*>(weights) + n * row_bytes(storage, k);
    for (int64_t i = 0; i < m; ++i) y[i * ldy + n] = 0;
    for (int64_t first = 0; first < k; first += kSpan) {
      const int64_t count = k - first < kSpan ? k - first : kSpan;
      float values[kSpan] = {};
      to_float(storage, row + first / kSpan * bytes_of_span(storage), values, count);
      for (int64_t i = 0; i < m; ++i) {
        Vec sum = {};  // groups are whole vectors
        for (int64_t j = 0; j < count; j += kWidth) {
          sum += load(values + j) * load(x + i * k + first + j);
        }
        y[i * ldy + n] += sum_of(sum);
      }
    }
  }
}

#endif

}  // namespace owl3::cpu::OWL3_ISA
