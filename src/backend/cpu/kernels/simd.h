// Vectors of the instruction set that this source is being compiled for, through the compiler's
// vector extensions, so that the same kernels serve SSE2, AVX2, AVX-512 (and Arm); intrinsics only
// for what those lack (int8 and bf16 dot products).
//
// Kernel sources include only this file and kernels.h and define everything inside namespace
// OWL3_ISA: an inline function of a shared header, compiled here for AVX-512, could be the copy the
// linker keeps for everybody.
#pragma once

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>  // where the vector extensions have no word for an instruction
#endif

#include "backend/cpu/kernels.h"

#ifndef OWL3_ISA
#error "OWL3_ISA must name the instruction set (see src/backend/cpu/CMakeLists.txt)"
#endif

namespace owl3::cpu::OWL3_ISA {

#if defined(__AVX512F__)
inline constexpr int64_t kWidth = 16;
inline constexpr int kRegisters = 32;
#elif defined(__AVX2__)
inline constexpr int64_t kWidth = 8;
inline constexpr int kRegisters = 16;
#else
inline constexpr int64_t kWidth = 4;
inline constexpr int kRegisters = 16;
#endif

typedef float Vec __attribute__((vector_size(kWidth * 4)));
typedef int32_t IVec __attribute__((vector_size(kWidth * 4)));
typedef uint32_t UVec __attribute__((vector_size(kWidth * 4)));
typedef uint16_t HVec __attribute__((vector_size(kWidth * 2)));
// The same with the alignment of one element, for loads and stores.
typedef float UnalignedVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef int32_t UnalignedIVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef uint16_t UnalignedHVec __attribute__((vector_size(kWidth * 2), aligned(2), may_alias));

static inline Vec load(const float* p) {
  return *reinterpret_cast<const UnalignedVec*>(p);
}
static inline IVec load(const int32_t* p) {
  return *reinterpret_cast<const UnalignedIVec*>(p);
}
static inline void store(float* p, Vec v) {
  *reinterpret_cast<UnalignedVec*>(p) = v;
}
// x - 0 is x for every x, so this folds to a broadcast (0 + x would not: it turns -0 into 0).
static inline Vec broadcast(float x) {
  return x - Vec{};
}

static inline Vec load_bf16(const uint16_t* p) {
  const HVec h = *reinterpret_cast<const UnalignedHVec*>(p);
  return reinterpret_cast<Vec>(__builtin_convertvector(h, UVec) << 16);
}

/// Rounds to nearest, ties to even; NaN stays NaN. The instruction flushes subnormals to zero.
static inline void store_bf16(uint16_t* p, Vec v) {
#if defined(__AVX512BF16__)
  *reinterpret_cast<UnalignedHVec*>(p) = reinterpret_cast<HVec>(_mm512_cvtneps_pbh(v));
#else
  const UVec u = reinterpret_cast<UVec>(v);
  const UVec rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  const UVec quiet = (u >> 16) | 0x40u;
  const UVec bits = (u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded;
  *reinterpret_cast<UnalignedHVec*>(p) = __builtin_convertvector(bits, HVec);
#endif
}

// Half precision. Without instructions for it: exponent and mantissa shifted into float32's place
// are the value times 2^-112 (subnormals too), but for infinities and NaN, whose exponent stays all
// ones.
static inline Vec load_f16(const uint16_t* p) {
#if defined(__AVX512F__)
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__F16C__)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#else
  const HVec h = *reinterpret_cast<const UnalignedHVec*>(p);
  const UVec u = __builtin_convertvector(h, UVec);
  const Vec magnitude = reinterpret_cast<Vec>((u & 0x7fffu) << 13) * 0x1p112f;
  const UVec special = (u & 0x7c00u) == 0x7c00u ? UVec{} + 0x7f800000u : UVec{};
  return reinterpret_cast<Vec>(reinterpret_cast<UVec>(magnitude) | special | ((u & 0x8000u) << 16));
#endif
}

static inline float float_of_bf16(uint16_t bits) {
  const uint32_t u = uint32_t{bits} << 16;
  float x;
  __builtin_memcpy(&x, &u, 4);
  return x;
}

static inline float float_of_f16(uint16_t bits) {
#if defined(__F16C__)
  return _cvtsh_ss(bits);
#else
  const uint32_t magnitude = uint32_t{bits & 0x7fffu} << 13;
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  float x;
  __builtin_memcpy(&x, &magnitude, 4);
  x *= 0x1p112f;
  if ((bits & 0x7c00u) == 0x7c00u) {
    const uint32_t special = 0x7f800000u | magnitude;
    __builtin_memcpy(&x, &special, 4);
  }
  return sign ? -x : x;
#endif
}

/// Element access by storage type: F32, F16 and BF16 share every kernel's source.
struct F32 {
  typedef float Element;
  static Vec vec(const float* p) { return load(p); }
  static float one(const float* p) { return *p; }
};
struct F16 {
  typedef uint16_t Element;
  static Vec vec(const uint16_t* p) { return load_f16(p); }
  static float one(const uint16_t* p) { return float_of_f16(*p); }
};
struct BF16 {
  typedef uint16_t Element;
  static Vec vec(const uint16_t* p) { return load_bf16(p); }
  static float one(const uint16_t* p) { return float_of_bf16(*p); }
};

// Of NaN and another value, the second one.
static inline Vec maximum(Vec a, Vec b) {
  return a > b ? a : b;
}
static inline Vec minimum(Vec a, Vec b) {
  return a < b ? a : b;
}

// GCC 12 converts between vectors of bytes and of integers one element at a time.
static inline IVec load_bytes(const uint8_t* p) {
#if defined(__AVX512F__)
  return reinterpret_cast<IVec>(
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<IVec>(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
  return IVec{p[0], p[1], p[2], p[3]};
#endif
}
static inline IVec load_bytes(const int8_t* p) {
#if defined(__AVX512F__)
  return reinterpret_cast<IVec>(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<IVec>(
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
  return IVec{p[0], p[1], p[2], p[3]};
#endif
}
/// Values from -128 to 127.
static inline void store_bytes(int8_t* p, IVec v) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(v)));
#elif defined(__AVX2__)
  const auto all = reinterpret_cast<__m256i>(v);
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
#else
  for (int64_t i = 0; i < kWidth; ++i) p[i] = static_cast<int8_t>(v[i]);
#endif
}

// Sum and maximum of the lanes.
#if defined(__AVX512F__)
static inline float sum_of(Vec v) {
  return _mm512_reduce_add_ps(v);
}
static inline float largest_of(Vec v) {
  return _mm512_reduce_max_ps(v);
}
#else
template <typename Combine>
static inline float reduce(Vec v, Combine combine) {
  float parts[kWidth];
  store(parts, v);
  for (int64_t step = kWidth / 2; step > 0; step /= 2) {
    for (int64_t i = 0; i < step; ++i) parts[i] = combine(parts[i], parts[i + step]);
  }
  return parts[0];
}
static inline float sum_of(Vec v) {
  return reduce(v, [](float a, float b) { return a + b; });
}
static inline float largest_of(Vec v) {
  return reduce(v, [](float a, float b) { return a > b ? a : b; });
}
#endif

/// The sums of the lanes of kCount vectors, to the bits of sum_of, four at a time; `sums` has room
/// for whole fours.
template <int kCount>
static inline void sums_of(const Vec* v, float* sums) {
#if defined(__AVX512F__)
#pragma GCC unroll 8
  for (int i = 0; i < kCount; i += 4) {
    Vec some[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) some[j] = i + j < kCount ? v[i + j] : Vec{};
    // Lanes n and n + 8, then n and n + 4, by quarters; then what is left of each within its own.
    const Vec first =
        _mm512_shuffle_f32x4(some[0], some[1], 0x44) + _mm512_shuffle_f32x4(some[0], some[1], 0xee);
    const Vec last =
        _mm512_shuffle_f32x4(some[2], some[3], 0x44) + _mm512_shuffle_f32x4(some[2], some[3], 0xee);
    Vec all = _mm512_shuffle_f32x4(first, last, 0x88) + _mm512_shuffle_f32x4(first, last, 0xdd);
    all += _mm512_permute_ps(all, 0x4e);
    all += _mm512_permute_ps(all, 0xb1);
    constexpr __mmask16 kFirstOfQuarters = 0x1111;
    const Vec packed = _mm512_maskz_compress_ps(kFirstOfQuarters, all);
    _mm_storeu_ps(sums + i, _mm512_castps512_ps128(packed));
  }
#else
  for (int i = 0; i < kCount; ++i) sums[i] = sum_of(v[i]);
#endif
}

/// Whether any lane of a comparison holds.
static inline bool any_of(IVec comparison) {
#if defined(__AVX512F__)
  const auto lanes = reinterpret_cast<__m512i>(comparison);
  return _mm512_test_epi32_mask(lanes, lanes) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps(reinterpret_cast<__m256>(comparison)) != 0;
#else
  return (comparison[0] | comparison[1] | comparison[2] | comparison[3]) != 0;
#endif
}

/// Rounds to the nearest integer, ties to even; |x| below 2^22.
static inline Vec round_to_integer(Vec x) {
  const Vec magic = broadcast(12582912.0f);  // 1.5 * 2^23
  return (x + magic) - magic;
}

/// exp(x), relative error below 2e-7 in [-87, 88], clamped outside, NaN of NaN: x = n ln 2 + r,
/// exp(r) by its Taylor polynomial of degree 7 on |r| <= ln 2 / 2.
static inline Vec exponential(Vec x) {
  x = minimum(broadcast(88.0f), maximum(broadcast(-87.0f), x));  // in this order NaN stays
#if defined(__AVX512F__)
  const Vec n = _mm512_roundscale_ps(x * 1.44269504f, _MM_FROUND_TO_NEAREST_INT);
#else
  const Vec n = round_to_integer(x * 1.44269504f);
#endif
  const Vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Vec p = broadcast(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
#if defined(__AVX512F__)
  return _mm512_scalef_ps(p, n);  // p 2^n
#else
  const IVec power = (__builtin_convertvector(n, IVec) + 127) << 23;
  return p * reinterpret_cast<Vec>(power);
#endif
}

}  // namespace owl3::cpu::OWL3_ISA
