// Pairs of values in the lanes of vectors, as attention reads keys and values
// (key_value_layout.h). Included by kernel sources only.
#pragma once

#include <cstddef>

#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

typedef uint32_t UnalignedUVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

static inline UVec load_pairs(const uint32_t* p) {
  return *reinterpret_cast<const UnalignedUVec*>(p);
}
static inline UVec broadcast_pair(uint32_t pair) {
  return UVec{} + pair;
}

static inline Vec low_of(UVec pairs) {
  return reinterpret_cast<Vec>(pairs << 16);
}
static inline Vec high_of(UVec pairs) {
  return reinterpret_cast<Vec>(pairs & 0xffff0000u);
}

/// sum + a.low * b.low + a.high * b.high
static inline Vec dot_pairs(Vec sum, UVec a, UVec b) {
#if defined(__AVX512BF16__)
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
#else
  return sum + low_of(a) * low_of(b) + high_of(a) * high_of(b);
#endif
}

/// Keys and values in bf16 meet queries and weights in bf16.
struct Bf16Pairs {
  typedef Vec Sum;
  static constexpr int64_t kBytes = 4;
  static UVec load_pairs(const std::byte* p) {
    return OWL3_ISA::load_pairs(reinterpret_cast<const uint32_t*>(p));
  }
  static Sum dot(Sum sum, UVec a, UVec b) { return dot_pairs(sum, a, b); }
  static Vec to_float(Sum sum) { return sum; }
  /// Sums that begin with what is there, and are put back there.
  static Sum first_sum(const float* there) { return load(there); }
  static void last_sum(Sum sum, float /*factor*/, float* there) { store(there, sum); }
  /// x [n], n a multiple of kWidth, as they meet such pairs; returns what they must be multiplied
  /// by.
  static float round(const float* x, int64_t n, uint32_t* pairs) {
    auto* rounded = reinterpret_cast<uint16_t*>(pairs);
    for (int64_t i = 0; i < n; i += kWidth) store_bf16(rounded + i, load(x + i));
    return 1;
  }
};

/// Those in int8 meet them in int16, whose products are exact in 32 bits: nothing is expanded on
/// the way, and no precision is lost to it.
struct Int8Pairs {
  typedef IVec Sum;
  static constexpr int64_t kBytes = 2;
  /// Widened to 16 bits.
  static UVec load_pairs(const std::byte* p) {
#if defined(__AVX512F__)
    return reinterpret_cast<UVec>(
        _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__AVX2__)
    return reinterpret_cast<UVec>(
        _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
    HVec bytes;
    __builtin_memcpy(&bytes, p, sizeof bytes);
    const auto pairs = reinterpret_cast<IVec>(__builtin_convertvector(bytes, UVec) << 16);
    const auto low = reinterpret_cast<UVec>((pairs << 8) >> 24) & 0xffffu;
    return reinterpret_cast<UVec>((pairs >> 24) << 16) | low;
#endif
  }
  static Sum dot(Sum sum, UVec a, UVec b) {
#if defined(__AVX512VNNI__)
    return reinterpret_cast<IVec>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(sum),
                                                      reinterpret_cast<__m512i>(a),
                                                      reinterpret_cast<__m512i>(b)));
#elif defined(__AVX512F__)
    return sum + reinterpret_cast<IVec>(
                     _mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
    return sum + reinterpret_cast<IVec>(
                     _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
    const auto x = reinterpret_cast<IVec>(a), y = reinterpret_cast<IVec>(b);
    return sum + ((x << 16) >> 16) * ((y << 16) >> 16) + (x >> 16) * (y >> 16);
#endif
  }
  static Vec to_float(Sum sum) {
    return __builtin_convertvector(sum, Vec);
  }
  /// Sums of their own, which are added to what is there.
  static Sum first_sum(const float* /*there*/) {
    return Sum{};
  }
  static void last_sum(Sum sum, float factor, float* there) {
    store(there, load(there) + to_float(sum) * factor);
  }
  /// Where x holds NaN or an infinity, the factor is NaN.
  static float round(const float* x, int64_t n, uint32_t* pairs) {
    Vec largest = {};
    IVec no_number = {};  // no maximum keeps NaN
    for (int64_t i = 0; i < n; i += kWidth) {
      const Vec v = load(x + i);
      largest = maximum(largest, maximum(v, -v));
      no_number |= v != v;
    }
    const float limit = largest_of(largest);
    auto* rounded = reinterpret_cast<uint16_t*>(pairs);
    if (any_of(no_number) || limit == __builtin_inff()) {
      __builtin_memset(rounded, 0, static_cast<size_t>(n) * sizeof(*rounded));
      return __builtin_nanf("");
    }
    const float inverse = limit > 0 ? kMost / limit : 0.0f;
    for (int64_t i = 0; i < n; i += kWidth) {
      const IVec q = __builtin_convertvector(round_to_integer(load(x + i) * inverse), IVec);
      *reinterpret_cast<UnalignedHVec*>(rounded + i) = __builtin_convertvector(q, HVec);
    }
    return limit / kMost;
  }

 private:
  /// Sums of up to 512 products with bytes fit into 32 bits.
  static constexpr float kMost = 32767;
};

}  // namespace owl3::cpu::OWL3_ISA
