// Integer dot products of 4 bytes, and what goes with them, for the kernels over ggml's blocks.
// Included by kernel sources only.
#pragma once

#include "backend/cpu/kernels/simd.h"

#if defined(__AVX2__)

namespace owl3::cpu::OWL3_ISA {

#if defined(__AVX512F__)
typedef __m512i Raw;
#else
typedef __m256i Raw;
#endif
static inline Raw raw(IVec v) {
  return reinterpret_cast<Raw>(v);
}
static inline IVec ints(Raw v) {
  return reinterpret_cast<IVec>(v);
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
inline constexpr bool kHasVnni = true;
#else
inline constexpr bool kHasVnni = false;
#endif

/// Sums of 2 products of unsigned u and signed x, in 16 bits; and such sums added.
static inline IVec multiply_pairs_of_bytes(IVec u, IVec x) {
#if defined(__AVX512F__)
  return ints(_mm512_maddubs_epi16(raw(u), raw(x)));
#else
  return ints(_mm256_maddubs_epi16(raw(u), raw(x)));
#endif
}
static inline IVec add_words(IVec a, IVec b) {
#if defined(__AVX512F__)
  return ints(_mm512_add_epi16(raw(a), raw(b)));
#else
  return ints(_mm256_add_epi16(raw(a), raw(b)));
#endif
}
/// Sums of 2 words.
static inline IVec sum_words(IVec words) {
#if defined(__AVX512F__)
  return ints(_mm512_madd_epi16(raw(words), _mm512_set1_epi16(1)));
#else
  return ints(_mm256_madd_epi16(raw(words), _mm256_set1_epi16(1)));
#endif
}

/// Of each lane's 4 signed bytes, words of the first and third, and of the second and fourth.
static inline void words_of_bytes(IVec bytes, IVec (&out)[2]) {
  typedef int16_t Words __attribute__((vector_size(4 * kWidth)));
  const auto words = reinterpret_cast<Words>(bytes);
  out[0] = reinterpret_cast<IVec>((words << 8) >> 8);
  out[1] = reinterpret_cast<IVec>(words >> 8);
}
/// sum + sums of 2 products of words.
static inline IVec dot_words(IVec sum, IVec a, IVec b) {
#if defined(__AVX512F__)
  return sum + ints(_mm512_madd_epi16(raw(a), raw(b)));
#else
  return sum + ints(_mm256_madd_epi16(raw(a), raw(b)));
#endif
}

/// sum + sums of 4 products of unsigned u and signed x.
static inline IVec dot_unsigned(IVec sum, IVec u, IVec x) {
#if defined(__AVX512VNNI__)
  return ints(_mm512_dpbusd_epi32(raw(sum), raw(u), raw(x)));
#elif defined(__AVXVNNI__)
  return ints(_mm256_dpbusd_avx_epi32(raw(sum), raw(u), raw(x)));
#else
  return sum + sum_words(multiply_pairs_of_bytes(u, x));
#endif
}

/// The same of two signed vectors.
static inline IVec dot_signed(IVec sum, IVec w, IVec x) {
#if defined(__AVX512F__)
  const __mmask64 negative = _mm512_movepi8_mask(raw(w));
  const __m512i signed_x = _mm512_mask_sub_epi8(raw(x), negative, _mm512_setzero_si512(), raw(x));
  return dot_unsigned(sum, ints(_mm512_abs_epi8(raw(w))), ints(signed_x));
#else
  return dot_unsigned(sum, ints(_mm256_abs_epi8(raw(w))), ints(_mm256_sign_epi8(raw(x), raw(w))));
#endif
}

/// a b + c, rounded once.
static inline Vec multiply_add(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#else
  return _mm256_fmadd_ps(a, b, c);
#endif
}

/// The 8 bytes at p in every two lanes.
static inline IVec broadcast_two(const void* p) {
  long long bytes;
  __builtin_memcpy(&bytes, p, 8);
#if defined(__AVX512F__)
  return ints(_mm512_set1_epi64(bytes));
#else
  return ints(_mm256_set1_epi64x(bytes));
#endif
}

/// Lanes of a and b alternately, part by part: first lanes 0 and 1 of each, then 2 and 3.
static inline void alternate(IVec a, IVec b, IVec (&out)[2]) {
#if defined(__AVX512F__)
  out[0] = ints(_mm512_unpacklo_epi32(raw(a), raw(b)));
  out[1] = ints(_mm512_unpackhi_epi32(raw(a), raw(b)));
#else
  out[0] = ints(_mm256_unpacklo_epi32(raw(a), raw(b)));
  out[1] = ints(_mm256_unpackhi_epi32(raw(a), raw(b)));
#endif
}

/// Parts of 128 bits in the widest vector.
inline constexpr int64_t kParts = kWidth / 4;

static inline IVec and_bytes(IVec v, uint8_t mask) {
  typedef uint8_t Bytes __attribute__((vector_size(4 * kWidth)));
  return reinterpret_cast<IVec>(reinterpret_cast<Bytes>(v) & mask);
}
static inline IVec shift_right(IVec v, int count) {
  return reinterpret_cast<IVec>(reinterpret_cast<UVec>(v) >> static_cast<uint32_t>(count));
}

/// From 4 vectors of parts of 4 lanes to one: lane i of a part is the sum of that part of the i-th.
static inline IVec sum_parts(IVec a, IVec b, IVec c, IVec d) {
  IVec ab[2], cd[2];
  alternate(a, b, ab);
  alternate(c, d, cd);
  const Raw two = raw(ab[0] + ab[1]), others = raw(cd[0] + cd[1]);
#if defined(__AVX512F__)
  return ints(_mm512_unpacklo_epi64(two, others)) + ints(_mm512_unpackhi_epi64(two, others));
#else
  return ints(_mm256_unpacklo_epi64(two, others)) + ints(_mm256_unpackhi_epi64(two, others));
#endif
}

/// Lane kLane of every part, in all of its lanes.
template <int kLane>
static inline IVec deal(IVec v) {
#if defined(__AVX512F__)
  return ints(_mm512_shuffle_epi32(raw(v), static_cast<_MM_PERM_ENUM>(0x55 * kLane)));
#else
  return ints(_mm256_shuffle_epi32(raw(v), 0x55 * kLane));
#endif
}

/// From 4 vectors to lanes: lane i of every part is the sum, or the largest, of all of the i-th.
static inline IVec sum_across(IVec a, IVec b, IVec c, IVec d) {
  const Raw parts = raw(sum_parts(a, b, c, d));
#if defined(__AVX512F__)
  const IVec halves = ints(parts) + ints(_mm512_shuffle_i64x2(parts, parts, 0x4e));
  return halves + ints(_mm512_shuffle_i64x2(raw(halves), raw(halves), 0xb1));
#else
  return ints(parts) + ints(_mm256_permute2x128_si256(parts, parts, 0x01));
#endif
}
static inline IVec larger(IVec a, IVec b) {
  return a > b ? a : b;
}
static inline IVec largest_across(IVec a, IVec b, IVec c, IVec d) {
  IVec ab[2], cd[2];
  alternate(a, b, ab);
  alternate(c, d, cd);
  const Raw two = raw(larger(ab[0], ab[1])), others = raw(larger(cd[0], cd[1]));
#if defined(__AVX512F__)
  const IVec parts =
      larger(ints(_mm512_unpacklo_epi64(two, others)), ints(_mm512_unpackhi_epi64(two, others)));
  const IVec halves = larger(parts, ints(_mm512_shuffle_i64x2(raw(parts), raw(parts), 0x4e)));
  return larger(halves, ints(_mm512_shuffle_i64x2(raw(halves), raw(halves), 0xb1)));
#else
  const IVec parts =
      larger(ints(_mm256_unpacklo_epi64(two, others)), ints(_mm256_unpackhi_epi64(two, others)));
  return larger(parts, ints(_mm256_permute2x128_si256(raw(parts), raw(parts), 0x01)));
#endif
}

/// The nearest integers, ties to even.
static inline IVec nearest(Vec x) {
#if defined(__AVX512F__)
  return ints(_mm512_cvtps_epi32(x));
#else
  return ints(_mm256_cvtps_epi32(x));
#endif
}

/// kParts values, each in the 4 lanes of its part.
static inline Vec spread_to_parts(const float* p) {
#if defined(__AVX512F__)
  const __m512i lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  return _mm512_permutevar_ps(_mm512_broadcast_f32x4(_mm_loadu_ps(p)), lanes);
#else
  return _mm256_set_m128(_mm_broadcast_ss(p + 1), _mm_broadcast_ss(p));
#endif
}
static inline IVec spread_to_parts(const int32_t* p) {
  return reinterpret_cast<IVec>(spread_to_parts(reinterpret_cast<const float*>(p)));
}

}  // namespace owl3::cpu::OWL3_ISA

#endif
