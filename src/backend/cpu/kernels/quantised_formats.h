// How ggml's blocks are read by the products with rows of x in int8. Included by kernel sources
// only.
//
// Each format tells of spans of 256 values: `bytes`, vector `step` of set `set`: a set is kParts
// units, one to each part of 128 bits, of which step i holds values 16 i to 16 i + 15;
// `fetch_set`, what set `set` of kParts rows is made of, one row to each part, and `bytes_of_rows`,
// step `step` of that set's unit `part`; `fetch_unit` and `bytes_of_unit`, the same of one unit,
// unit by unit of a chain (quantised_input.h): how bytes are unpacked repeats with every
// kUnpackSets sets, in kPhases chains each in its own way; and `factors`, the scales (and minima)
// of the units of 4 rows: of a set, lane n of a part is row n's.
#pragma once

#include <cstddef>

#include "backend/cpu/kernels/quantised_input.h"
#include "core/block_layouts.h"

#if defined(__AVX2__)

namespace owl3::cpu::OWL3_ISA {

inline constexpr int64_t kRowsTogether = 4;

/// The same span of 4 rows.
struct FourRows {
  const std::byte* rows[kRowsTogether];
};

template <Storage storage>
struct FormatBase {
  static constexpr Storage kStorage = storage;
  static constexpr int64_t kUnits = kSpan / unit_values(storage);
  static constexpr int64_t kSets = kUnits / kParts;
  static constexpr int64_t kSteps = unit_values(storage) / 16;
  static constexpr int32_t kOffset = offset_of(storage);
  static constexpr bool kMinima = has_minima(storage);
  static constexpr bool kSigned = storage == Storage::kQ8_0 && kOffset == 0;

  // Where all units are alike.
  static constexpr int64_t kUnpackSets = 1, kPhases = 1, kUnitFetches = 1;

  struct Factors {
    Vec scales[kSets];
    Vec minima[kMinima ? kSets : 1];
  };
};

static inline __m128i load_16(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
static inline __m256i load_32(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

/// 32 bytes of each of kParts rows, `stride` bytes apart: the first 16 of each, and the last.
static inline void fetch_rows(const std::byte* p, int64_t stride, IVec* out) {
#if defined(__AVX512F__)
  const auto two = [&](const std::byte* row) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(load_32(row)), load_32(row + stride), 1);
  };
  const __m512i ab = two(p), cd = two(p + 2 * stride);
  out[0] = ints(_mm512_shuffle_i32x4(ab, cd, 0x88));
  out[1] = ints(_mm512_shuffle_i32x4(ab, cd, 0xdd));
#else
  const __m256i a = load_32(p), b = load_32(p + stride);
  out[0] = ints(_mm256_permute2x128_si256(a, b, 0x20));
  out[1] = ints(_mm256_permute2x128_si256(a, b, 0x31));
#endif
}

/// 16 bytes of each of kParts rows.
static inline IVec fetch_pieces(const std::byte* p, int64_t stride) {
#if defined(__AVX512F__)
  __m512i rows = _mm512_castsi128_si512(load_16(p));
  rows = _mm512_inserti32x4(rows, load_16(p + stride), 1);
  rows = _mm512_inserti32x4(rows, load_16(p + 2 * stride), 2);
  return ints(_mm512_inserti32x4(rows, load_16(p + 3 * stride), 3));
#else
  return ints(_mm256_set_m128i(load_16(p + stride), load_16(p)));
#endif
}

// Of 4 units and 4 rows, unit by unit: to one vector, or to two of 8 lanes.
static inline void put_halves(__m256i halves, Vec* out) {
#if defined(__AVX512F__)
  out[0] = _mm512_cvtph_ps(halves);
#else
  out[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
  out[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
#endif
}
static inline void put_unsigned(__m128i bytes, Vec factor, Vec* out) {
#if defined(__AVX512F__)
  out[0] = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)) * factor;
#else
  out[0] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)) * factor;
  out[1] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))) * factor;
#endif
}
static inline void put_signed(__m128i bytes, Vec factor, Vec* out) {
#if defined(__AVX512F__)
  out[0] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)) * factor;
#else
  out[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)) * factor;
  out[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))) * factor;
#endif
}

/// 4 halves as floats in every part.
static inline Vec halves_in_parts(__m128i halves) {
  const __m128 floats = _mm_cvtph_ps(halves);
#if defined(__AVX512F__)
  return _mm512_broadcast_f32x4(floats);
#else
  return _mm256_set_m128(floats, floats);
#endif
}

#if defined(__AVX512F__)
/// The words of the 128 bytes at p that `indices` say.
static inline __m128i pick_words(const std::byte* p, __m128i indices) {
  return _mm512_castsi512_si128(_mm512_permutex2var_epi16(
      _mm512_loadu_si512(p), _mm512_castsi128_si512(indices), _mm512_loadu_si512(p + 64)));
}
static inline __m128i scales_of_span(const std::byte* p, const BlockQ4_0*) {
  return pick_words(p, _mm_setr_epi16(0, 9, 18, 27, 36, 45, 54, 63));
}
static inline __m128i scales_of_span(const std::byte* p, const BlockQ8_0*) {
  const __m128i indices = _mm_setr_epi16(0, 17, 34, 51, 0, 0, 0, 0);
  return _mm_unpacklo_epi64(pick_words(p, indices), pick_words(p + 4 * sizeof(BlockQ8_0), indices));
}
#else
template <typename Block>
__m128i scales_of_span(const std::byte* p, const Block*) {
  const auto d = [&](size_t i) {
    int16_t word;
    __builtin_memcpy(&word, p + i * sizeof(Block), 2);
    return word;
  };
  return _mm_setr_epi16(d(0), d(1), d(2), d(3), d(4), d(5), d(6), d(7));
}
#endif

/// The scales of the 8 blocks of 4 rows: 2 * 4 of each row, block by block.
template <typename Block>
void scales_of_rows(const FourRows& w, __m256i (&halves)[2]) {
  const auto of = [&](int n) {
    return scales_of_span(w.rows[n], static_cast<const Block*>(nullptr));
  };
  const __m128i a = of(0), b = of(1), c = of(2), d = of(3);
  const __m128i low_ab = _mm_unpacklo_epi16(a, b), high_ab = _mm_unpackhi_epi16(a, b);
  const __m128i low_cd = _mm_unpacklo_epi16(c, d), high_cd = _mm_unpackhi_epi16(c, d);
  halves[0] =
      _mm256_set_m128i(_mm_unpackhi_epi32(low_ab, low_cd), _mm_unpacklo_epi32(low_ab, low_cd));
  halves[1] =
      _mm256_set_m128i(_mm_unpackhi_epi32(high_ab, high_cd), _mm_unpacklo_epi32(high_ab, high_cd));
}

/// What the formats of 32 values with a scale have in common.
template <Storage storage, typename BlockType>
struct ScaledBlocks : FormatBase<storage> {
  typedef BlockType Block;
  typedef FormatBase<storage> Base;

  static void factors(const FourRows& w, typename Base::Factors& out) {
    __m256i halves[2];
    scales_of_rows<Block>(w, halves);
    put_halves(halves[0], out.scales);
    put_halves(halves[1], out.scales + Base::kSets / 2);
  }
};

struct Q8_0 : ScaledBlocks<Storage::kQ8_0, BlockQ8_0> {
  static IVec bytes(const std::byte* span, int64_t set, int64_t step) {
    const std::byte* blocks = span + set * kParts * int64_t{sizeof(Block)};
#if defined(__AVX512F__)
    // 4 blocks' 68 words: the scale, 8 words of step 0, 8 of step 1. The first 64 have all of
    // step 0, the last 64 all of step 1.
    typedef int16_t Words __attribute__((vector_size(64)));
    const Words indices = {1,  2,  3,  4,  5,  6,  7,  8,  18, 19, 20, 21, 22, 23, 24, 25,
                           35, 36, 37, 38, 39, 40, 41, 42, 52, 53, 54, 55, 56, 57, 58, 59};
    const std::byte* from = blocks + 8 * step;
    const Words picked = indices + static_cast<int16_t>(4 * step);
    const __m512i both = _mm512_permutex2var_epi16(
        _mm512_loadu_si512(from), reinterpret_cast<__m512i>(picked), _mm512_loadu_si512(from + 64));
    if constexpr (kOffset == 0) return reinterpret_cast<IVec>(both);
    return reinterpret_cast<IVec>(_mm512_xor_si512(both, _mm512_set1_epi8(-128)));
#else
    const std::byte* qs = blocks + offsetof(Block, qs) + 16 * step;
    const __m256i both = _mm256_set_m128i(load_16(qs + sizeof(Block)), load_16(qs));
    if constexpr (kOffset == 0) return reinterpret_cast<IVec>(both);
    return reinterpret_cast<IVec>(_mm256_xor_si256(both, _mm256_set1_epi8(-128)));
#endif
  }

  static constexpr int64_t kFetched = 2 * kParts;
  static void fetch_set(const std::byte* span, int64_t stride, int64_t set, IVec (&out)[kFetched]) {
    const std::byte* qs = span + set * kParts * int64_t{sizeof(Block)} + offsetof(Block, qs);
#pragma GCC unroll 4
    for (int64_t part = 0; part < kParts; ++part, qs += sizeof(Block)) {
      fetch_rows(qs, stride, out + 2 * part);
      if constexpr (kOffset != 0) {
        out[2 * part] ^= static_cast<int32_t>(0x80808080);
        out[2 * part + 1] ^= static_cast<int32_t>(0x80808080);
      }
    }
  }
  static IVec bytes_of_rows(const IVec (&fetched)[kFetched], int64_t, int64_t part, int64_t step) {
    return fetched[2 * part + step];
  }

  static constexpr int64_t kPieces = 2;
  static void fetch_unit(const std::byte* span, int64_t stride, int64_t unit,
                         IVec (&out)[kPieces]) {
    fetch_rows(span + unit * int64_t{sizeof(Block)} + offsetof(Block, qs), stride, out);
    if constexpr (kOffset != 0) {
      out[0] ^= static_cast<int32_t>(0x80808080);
      out[1] ^= static_cast<int32_t>(0x80808080);
    }
  }
  static IVec bytes_of_unit(const IVec (&pieces)[kPieces], int64_t, int64_t step) {
    return pieces[step];
  }
};

struct Q4_0 : ScaledBlocks<Storage::kQ4_0, BlockQ4_0> {
  static IVec bytes(const std::byte* span, int64_t set, int64_t step) {
    const IVec q = nibbles(span + set * kParts * int64_t{sizeof(Block)});
    return and_bytes(step == 0 ? q : shift_right(q, 4), 15);
  }

  static constexpr int64_t kFetched = kParts;
  static void fetch_set(const std::byte* span, int64_t stride, int64_t set, IVec (&out)[kFetched]) {
    const std::byte* blocks = span + set * kParts * int64_t{sizeof(Block)};
#if defined(__AVX512F__)
    // Of 4 blocks' 36 words the first load has blocks 0 and 1, the second 2 and 3.
    typedef int16_t Words __attribute__((vector_size(64)));
    const Words first = {1,  2,  3,  4,  5,  6,  7,  8,  10, 11, 12, 13, 14, 15, 16, 17,
                         33, 34, 35, 36, 37, 38, 39, 40, 42, 43, 44, 45, 46, 47, 48, 49};
#pragma GCC unroll 2
    for (int64_t half = 0; half < 2; ++half) {
      const std::byte* rows = blocks + 8 * half;
      const auto indices = reinterpret_cast<__m512i>(first + static_cast<int16_t>(14 * half));
      const auto two = [&](const std::byte* row) {
        return _mm512_permutex2var_epi16(_mm512_loadu_si512(row), indices,
                                         _mm512_loadu_si512(row + stride));
      };
      const __m512i ab = two(rows), cd = two(rows + 2 * stride);
      out[2 * half] = ints(_mm512_shuffle_i32x4(ab, cd, 0x88));
      out[2 * half + 1] = ints(_mm512_shuffle_i32x4(ab, cd, 0xdd));
    }
#else
    for (int64_t part = 0; part < kParts; ++part) {
      const std::byte* qs = blocks + part * int64_t{sizeof(Block)} + offsetof(Block, qs);
      out[part] = ints(_mm256_set_m128i(load_16(qs + stride), load_16(qs)));
    }
#endif
  }
  static IVec bytes_of_rows(const IVec (&fetched)[kFetched], int64_t, int64_t part, int64_t step) {
    return and_bytes(step == 0 ? fetched[part] : shift_right(fetched[part], 4), 15);
  }

  static constexpr int64_t kPieces = 1;
  static void fetch_unit(const std::byte* span, int64_t stride, int64_t unit,
                         IVec (&out)[kPieces]) {
    out[0] = fetch_pieces(span + unit * int64_t{sizeof(Block)} + offsetof(Block, qs), stride);
  }
  static IVec bytes_of_unit(const IVec (&pieces)[kPieces], int64_t, int64_t step) {
    return and_bytes(step == 0 ? pieces[0] : shift_right(pieces[0], 4), 15);
  }

 private:
  static IVec nibbles(const std::byte* blocks) {
#if defined(__AVX512F__)
    // 4 blocks' 36 words, of which the second load has the last 32: all but every ninth.
    typedef int16_t Words __attribute__((vector_size(64)));
    const Words indices = {1,  2,  3,  4,  5,  6,  7,  8,  10, 11, 12, 13, 14, 15, 16, 17,
                           19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31, 60, 61, 62, 63};
    return reinterpret_cast<IVec>(_mm512_permutex2var_epi16(_mm512_loadu_si512(blocks),
                                                            reinterpret_cast<__m512i>(indices),
                                                            _mm512_loadu_si512(blocks + 8)));
#else
    const std::byte* qs = blocks + offsetof(Block, qs);
    return reinterpret_cast<IVec>(_mm256_set_m128i(load_16(qs + sizeof(Block)), load_16(qs)));
#endif
  }
};

struct Q4_K : FormatBase<Storage::kQ4_K> {
  typedef BlockQ4_K Block;

  static IVec bytes(const std::byte* span, int64_t set, int64_t step) {
    const std::byte* qs = span + offsetof(Block, qs) + 16 * kParts * set;
#if defined(__AVX512F__)
    const __m512i q = _mm512_loadu_si512(qs);
    const __m512i both =
        step == 0 ? _mm512_shuffle_i32x4(q, q, 0xa0) : _mm512_shuffle_i32x4(q, q, 0xf5);
    const __m512i counts = _mm512_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0, 4, 4, 4, 4);
    return and_bytes(reinterpret_cast<IVec>(_mm512_srlv_epi32(both, counts)), 15);
#else
    const __m256i both = _mm256_broadcastsi128_si256(load_16(qs + 16 * step));
    const __m256i counts = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4);
    return and_bytes(reinterpret_cast<IVec>(_mm256_srlv_epi32(both, counts)), 15);
#endif
  }

  // Two units share 32 bytes.
  static constexpr int64_t kFetched = kParts;
  static void fetch_set(const std::byte* span, int64_t stride, int64_t set, IVec (&out)[kFetched]) {
    const std::byte* qs = span + offsetof(Block, qs) + 16 * kParts * set;
#pragma GCC unroll 2
    for (int64_t i = 0; i < kParts; i += 2) fetch_rows(qs + 16 * i, stride, out + i);
  }
  static IVec bytes_of_rows(const IVec (&fetched)[kFetched], int64_t, int64_t part, int64_t step) {
    const IVec q = fetched[part / 2 * 2 + step];
    return and_bytes(shift_right(q, static_cast<int>(part % 2 * 4)), 15);
  }

  static constexpr int64_t kPhases = 2;
  static constexpr int64_t kPieces = 2;
  static void fetch_unit(const std::byte* span, int64_t stride, int64_t unit,
                         IVec (&out)[kPieces]) {
    fetch_rows(span + offsetof(Block, qs) + 32 * (unit / 2), stride, out);
  }
  static IVec bytes_of_unit(const IVec (&pieces)[kPieces], int64_t unit, int64_t step) {
    return and_bytes(unit % 2 == 0 ? pieces[step] : shift_right(pieces[step], 4), 15);
  }

  static void factors(const FourRows& w, Factors& out) {
    // Of each row d and dmin, and 3 times 4 bytes of packed scales and minima.
    const __m128i a = load_16(w.rows[0]), b = load_16(w.rows[1]);
    const __m128i c = load_16(w.rows[2]), d = load_16(w.rows[3]);
    const __m128i low_ab = _mm_unpacklo_epi32(a, b), low_cd = _mm_unpacklo_epi32(c, d);
    const __m128i high_ab = _mm_unpackhi_epi32(a, b), high_cd = _mm_unpackhi_epi32(c, d);
    const __m128i both_d = _mm_unpacklo_epi64(low_ab, low_cd);
    const __m128i packed[3] = {_mm_unpackhi_epi64(low_ab, low_cd),
                               _mm_unpacklo_epi64(high_ab, high_cd),
                               _mm_unpackhi_epi64(high_ab, high_cd)};
    const __m128i bits_6 = _mm_set1_epi8(0x3f), bits_4 = _mm_set1_epi8(0x0f);
    const __m128i top_2 = _mm_set1_epi8(0x30);
    const auto high = [&](__m128i low_4, __m128i with_top) {
      return _mm_or_si128(_mm_and_si128(low_4, bits_4),
                          _mm_and_si128(_mm_srli_epi32(with_top, 2), top_2));
    };
    const __m128i scales[2] = {_mm_and_si128(packed[0], bits_6), high(packed[2], packed[0])};
    const __m128i minima[2] = {_mm_and_si128(packed[1], bits_6),
                               high(_mm_srli_epi32(packed[2], 4), packed[1])};
    const __m128i halves = _mm_shuffle_epi8(
        both_d, _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    const Vec row_scales = halves_in_parts(halves);
    const Vec row_minima = halves_in_parts(_mm_unpackhi_epi64(halves, halves));
    const __m128i by_unit = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (int64_t i = 0; i < 2; ++i) {
      put_unsigned(_mm_shuffle_epi8(scales[i], by_unit), row_scales, out.scales + i * kSets / 2);
      put_unsigned(_mm_shuffle_epi8(minima[i], by_unit), -row_minima, out.minima + i * kSets / 2);
    }
  }
};

struct Q6_K : FormatBase<Storage::kQ6_K> {
  typedef BlockQ6_K Block;

  static IVec bytes(const std::byte* span, int64_t set, int64_t) {
    const std::byte* ql = span + offsetof(Block, ql);
    const std::byte* qh = span + offsetof(Block, qh);
#if defined(__AVX512F__)
    // Sets 0 and 1 are values 0-63 and 64-127 of the first half, 2 and 3 of the second.
    const int64_t half = set / 2;
    const bool first = set % 2 == 0;
    const __m512i low = _mm512_loadu_si512(ql + 64 * half);
    const __m512i high = _mm512_broadcast_i64x4(load_32(qh + 32 * half));
    // The high bits stand at 0 and 2, or 4 and 6, of a byte, and belong at 4.
    const __m512i left = _mm512_setr_epi32(4, 4, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2);
    const __m512i right = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2);
    const __m512i top = first ? _mm512_sllv_epi32(high, left) : _mm512_srlv_epi32(high, right);
    const __m512i bottom = first ? low : _mm512_srli_epi32(low, 4);
    return and_bytes(reinterpret_cast<IVec>(bottom), 15) |
           and_bytes(reinterpret_cast<IVec>(top), 0x30);
#else
    const int64_t half = set / 4, part = set % 4;
    const __m256i low = load_32(ql + 64 * half + 32 * (part % 2));
    const __m256i high = load_32(qh + 32 * half);
    const __m256i bottom = part < 2 ? low : _mm256_srli_epi32(low, 4);
    const __m256i top = _mm256_srli_epi32(high, static_cast<int>(2 * part));
    return and_bytes(reinterpret_cast<IVec>(bottom), 15) |
           reinterpret_cast<IVec>(_mm256_slli_epi32(
               reinterpret_cast<__m256i>(and_bytes(reinterpret_cast<IVec>(top), 3)), 4));
#endif
  }

  // 8 units are half a span: those of 4 times 32 values, which share bytes.
  static constexpr int64_t kFetched = kParts + 2;  // of the low bits, and of the high
  static void fetch_set(const std::byte* span, int64_t stride, int64_t set, IVec (&out)[kFetched]) {
    const int64_t half = set * kParts / 8, quarter = set * kParts % 8 / 2;
    const std::byte* low = span + offsetof(Block, ql) + 64 * half + 32 * (quarter % 2);
#pragma GCC unroll 2
    for (int64_t i = 0; i < kParts; i += 2) fetch_rows(low + 16 * i, stride, out + i);
    fetch_rows(span + offsetof(Block, qh) + 32 * half, stride, out + kParts);
  }
  static IVec bytes_of_rows(const IVec (&fetched)[kFetched], int64_t set, int64_t part, int64_t) {
    const int64_t quarter = (set * kParts + part) % 8 / 2;
    const IVec& low = fetched[part];
    const IVec& high = fetched[kParts + part % 2];
    const IVec bottom = and_bytes(shift_right(low, static_cast<int>(quarter / 2 * 4)), 15);
    const IVec top = and_bytes(shift_right(high, static_cast<int>(2 * quarter)), 3);
    return bottom | (top << 4);
  }

  // Units u and u + 4 of a half share bytes.
  static constexpr int64_t kUnpackSets = 8 / kParts, kPhases = kParts, kUnitFetches = 4 / kParts;
  static constexpr int64_t kPieces = 2;
  static void fetch_unit(const std::byte* span, int64_t stride, int64_t unit,
                         IVec (&out)[kPieces]) {
    const int64_t half = unit / 8, piece = unit % 4;
    out[0] = fetch_pieces(span + offsetof(Block, ql) + 64 * half + 16 * piece, stride);
    out[1] = fetch_pieces(span + offsetof(Block, qh) + 32 * half + 16 * (piece % 2), stride);
  }
  static IVec bytes_of_unit(const IVec (&pieces)[kPieces], int64_t unit, int64_t) {
    const int quarter = static_cast<int>(unit % 8 / 2);
    const IVec low = quarter < 2 ? pieces[0] : shift_right(pieces[0], 4);
    const IVec high =
        quarter < 2 ? pieces[1] << (4 - 2 * quarter) : shift_right(pieces[1], 2 * quarter - 4);
    return and_bytes(low, 15) | and_bytes(high, 0x30);
  }

  static void factors(const FourRows& w, Factors& out) {
    const auto scales = [&](int n) { return load_16(w.rows[n] + offsetof(Block, scales)); };
    const auto d = [&](int n) {
      int16_t word;
      __builtin_memcpy(&word, w.rows[n] + offsetof(Block, d), 2);
      return word;
    };
    const Vec row_scales = halves_in_parts(_mm_setr_epi16(d(0), d(1), d(2), d(3), 0, 0, 0, 0));
    const __m128i low_ab = _mm_unpacklo_epi8(scales(0), scales(1));
    const __m128i low_cd = _mm_unpacklo_epi8(scales(2), scales(3));
    const __m128i high_ab = _mm_unpackhi_epi8(scales(0), scales(1));
    const __m128i high_cd = _mm_unpackhi_epi8(scales(2), scales(3));
    constexpr int64_t kQuarter = kSets / 4;
    put_signed(_mm_unpacklo_epi16(low_ab, low_cd), row_scales, out.scales);
    put_signed(_mm_unpackhi_epi16(low_ab, low_cd), row_scales, out.scales + kQuarter);
    put_signed(_mm_unpacklo_epi16(high_ab, high_cd), row_scales, out.scales + 2 * kQuarter);
    put_signed(_mm_unpackhi_epi16(high_ab, high_cd), row_scales, out.scales + 3 * kQuarter);
  }
};

/// Calls body with the format of weights that are stored so.
template <typename Body>
void with_format(Storage storage, const Body& body) {
  switch (storage) {
    case Storage::kQ8_0:
      return body(Q8_0());
    case Storage::kQ4_0:
      return body(Q4_0());
    case Storage::kQ4_K:
      return body(Q4_K());
    case Storage::kQ6_K:
      return body(Q6_K());
    default:
      return;
  }
}

}  // namespace owl3::cpu::OWL3_ISA

#endif
