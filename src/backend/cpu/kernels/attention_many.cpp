// Scores of many queries with packed keys in bf16, and the weights that they become.
//
// Lanes are queries, so that nothing crosses lanes. Scores of a few keys with two vectors of
// queries stay in registers until they are weights, rounded and in pairs, as the product with the
// values reads them. Exponentials need other parts of the processor than dot products do: they are
// computed while the next keys' scores begin.
#include "backend/cpu/kernels/kernels_internal.h"

#if defined(__AVX512BF16__)
#include "backend/cpu/fetch_ahead.h"
#include "backend/cpu/kernels/pairs.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

constexpr float kLog2OfE = 1.44269504f;
/// A row's maximum is one of its scores, not always the largest: one that exceeds it by no more
/// than this is left to be, since to raise it means to begin the step anew. Weights stay below e^8,
/// sums over millions of keys far below float32's largest.
constexpr float kLeeway = 8;

/// 2^x, of all x below -125 that of -125, NaN of NaN. Relative error below 3e-6 (minimax), a
/// thousandth of what is lost when a weight is rounded to bf16.
inline Vec power_of_two(Vec x) {
  x = _mm512_max_ps(broadcast(-125.0f), x);  // in this order NaN stays
  const Vec n = round_to_integer(x);
  const Vec f = x - n;
  Vec p = broadcast(0.0095701019f);
  p = p * f + 0.0559178603f;
  p = p * f + 0.2402474483f;
  p = p * f + 0.6931218147f;
  p = p * f + 0.9999992614f;
  return _mm512_scalef_ps(p, n);
}

/// Both rounded to bf16, in pairs.
inline UVec pairs_of(Vec low, Vec high) {
  alignas(64) static constexpr uint16_t kOrder[2 * kWidth] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512bh rounded = _mm512_cvtne2ps_pbh(high, low);
  return reinterpret_cast<UVec>(
      _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), reinterpret_cast<__m512i>(rounded)));
}

/// What a step knows of kVectors vectors of queries.
template <int kVectors>
struct Queries {
  Vec maxima[kVectors];
  Vec sums[kVectors];  // of this step's weights
  IVec limits[kVectors];

  explicit Queries(const ManyRowsStep& step) {
    for (int v = 0; v < kVectors; ++v) {
      maxima[v] = load(step.maxima + v * kWidth);
      sums[v] = Vec{};
      limits[v] = load(step.limits + v * kWidth) - static_cast<int32_t>(step.first_key);
    }
  }
};

/// Scores of kKeys keys from `key` on.
template <int kKeys, int kVectors>
[[gnu::always_inline]] inline void score_keys(const ManyRowsStep& step, int64_t key,
                                              Vec (&scores)[kKeys][kVectors]) {
  const uint32_t* k =
      step.k + key / kKeysPerBlock * kKeysPerBlock * step.pairs + key % kKeysPerBlock;
  Vec sums[kKeys][kVectors] = {};
  for (int64_t i = 0; i < step.pairs; ++i, k += kKeysPerBlock) {
    UVec query[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      query[v] = load_pairs(step.queries + i * step.stride + v * kWidth);
    }
#pragma GCC unroll 16
    for (int j = 0; j < kKeys; ++j) {
      const UVec pair = broadcast_pair(k[j]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[j][v] = dot_pairs(sums[j][v], pair, query[v]);
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < kKeys; ++j) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) scores[j][v] = sums[j][v];
  }
}

/// Rows whose maximum is exceeded take the largest of these scores, and all that they have summed
/// before this step becomes relative to it.
template <int kVectors>
[[gnu::noinline]] void raise_maxima(const ManyRowsStep& step, const Vec (&largest)[kVectors],
                                    Queries<kVectors>& queries) {
  for (int v = 0; v < kVectors; ++v) {
    const int64_t row = v * kWidth;
    const Vec old_maxima = queries.maxima[v];
    const IVec exceeded = largest[v] > old_maxima + kLeeway;
    const Vec new_maxima = exceeded ? largest[v] : old_maxima;
    // exponential(-inf) is not quite 0.
    const Vec some = old_maxima > -__builtin_inff() ? exponential(old_maxima - new_maxima) : Vec{};
    const Vec scales = exceeded ? some : broadcast(1.0f);
    queries.maxima[v] = new_maxima;
    queries.sums[v] = Vec{};
    store(step.maxima + row, new_maxima);
    store(step.sums + row, load(step.sums + row) * scales);
    for (int64_t i = 0; i < step.d; ++i) {
      float* out = step.out + i * step.stride + row;
      store(out, load(out) * scales);
    }
  }
}

/// A few keys' scores times their scales, -inf where they are not seen.
template <bool kMasked, bool kScaled, int kKeys, int kVectors>
[[gnu::always_inline]] inline void finish_scores(const ManyRowsStep& step,
                                                 const Queries<kVectors>& queries, int64_t key,
                                                 Vec (&scores)[kKeys][kVectors]) {
#pragma GCC unroll 16
  for (int j = 0; j < kKeys; ++j) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      Vec& score = scores[j][v];
      if constexpr (kScaled) score *= step.key_scales[key + j];
      if constexpr (kMasked) {
        const IVec seen = static_cast<int32_t>(key + j) < queries.limits[v];
        score = seen ? score : broadcast(-__builtin_inff());
      }
    }
  }
}

/// Returns whether some row's maximum was exceeded, and is another one now.
template <int kKeys, int kVectors>
[[gnu::always_inline]] inline bool raised_maxima(const ManyRowsStep& step,
                                                 const Vec (&scores)[kKeys][kVectors],
                                                 Queries<kVectors>& queries) {
  Vec largest[kVectors];
  IVec exceeded = {};
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    largest[v] = scores[0][v];
#pragma GCC unroll 16
    for (int j = 1; j < kKeys; ++j) largest[v] = maximum(scores[j][v], largest[v]);
    largest[v] *= step.scale;
    exceeded |= largest[v] > queries.maxima[v] + kLeeway;
  }
  if (!any_of(exceeded)) return false;
  raise_maxima(step, largest, queries);
  return true;
}

/// Scores become weights, summed and in pairs.
template <bool kMasked, bool kScaled, int kKeys, int kVectors>
[[gnu::always_inline]] inline void weigh_scores(const ManyRowsStep& step, int64_t key,
                                                const Vec (&scores)[kKeys][kVectors],
                                                Queries<kVectors>& queries) {
  const Vec never = broadcast(-__builtin_inff());
  const float factor = step.scale * kLog2OfE;
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    // A row that has seen no key yet has the maximum -inf; 0 in its place keeps NaN away.
    const Vec base = (queries.maxima[v] > never ? queries.maxima[v] : Vec{}) * kLog2OfE;
    const auto weight = [&](int j) {
      const Vec some = power_of_two(scores[j][v] * factor - base);
      if constexpr (kMasked)
        return static_cast<int32_t>(key + j) < queries.limits[v] ? some : Vec{};
      return some;
    };
#pragma GCC unroll 16
    for (int j = 0; j < kKeys; j += 2) {
      Vec low = weight(j), high = weight(j + 1);
      queries.sums[v] += low;
      queries.sums[v] += high;
      if constexpr (kScaled) {
        low *= step.value_scales[key + j];
        high *= step.value_scales[key + j + 1];
      }
      uint32_t* pairs = step.weights + (key + j) / 2 * step.rows + v * kWidth;
      *reinterpret_cast<UnalignedUVec*>(pairs) = pairs_of(low, high);
    }
  }
}

/// kMasked: some row does not see all keys of the step. kScaled: keys and values have scales.
template <int kVectors, bool kMasked, bool kScaled>
void weigh(const ManyRowsStep& step) {
  // 16 sums, from 10 loads or 17. Whether a maximum is raised is decided for so many keys at once,
  // so that a row's bits depend on how many rows its tile has, as on its chunk, but on none of
  // them.
  constexpr int kKeys = 16 / kVectors;
  const int64_t fetched = step.fetched / (step.keys / kKeys);
  Queries<kVectors> queries(step);
  for (int64_t key = 0; key < step.keys;) {
    fetch_ahead(step.next_k + key / kKeys * fetched, fetched);
    fetch_ahead(step.next_v + key / kKeys * fetched, fetched);
    Vec scores[kKeys][kVectors];
    score_keys(step, key, scores);
    finish_scores<kMasked, kScaled>(step, queries, key, scores);
    if (raised_maxima(step, scores, queries)) [[unlikely]] {
      key = 0;
      continue;
    }
    weigh_scores<kMasked, kScaled>(step, key, scores, queries);
    key += kKeys;
  }
  for (int v = 0; v < kVectors; ++v) {
    float* sums = step.sums + v * kWidth;
    store(sums, load(sums) + queries.sums[v]);
  }
}

template <int kVectors>
void weigh_for(const ManyRowsStep& step) {
  bool masked = false;
  for (int64_t i = 0; i < step.rows; ++i) masked |= step.limits[i] < step.first_key + step.keys;
  if (step.key_scales != nullptr) {
    masked ? weigh<kVectors, true, true>(step) : weigh<kVectors, false, true>(step);
  } else {
    masked ? weigh<kVectors, true, false>(step) : weigh<kVectors, false, false>(step);
  }
}

}  // namespace

void weigh_keys(const ManyRowsStep& step) {
  step.rows > kWidth ? weigh_for<2>(step) : weigh_for<1>(step);
}

}  // namespace owl3::cpu::OWL3_ISA
#endif
