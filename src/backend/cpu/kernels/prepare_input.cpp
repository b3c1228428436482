// Rows of x rounded to int8, for products with weights in blocks.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/quantised_input.h"

namespace owl3::cpu::OWL3_ISA {

#if defined(__AVX2__)

namespace {

constexpr int64_t kUnitsTogether = 4;
constexpr float kLeast = 3.8e-37f;  // 127 / smaller ones is infinite: they are as good as 0

/// Lane kLane of every part goes with the kLane-th unit.
template <int64_t kVectors, int kLane>
inline IVec round_unit(const float* x, Vec inverses, IVec finite, int8_t* rounded) {
  const Vec inverse = reinterpret_cast<Vec>(deal<kLane>(reinterpret_cast<IVec>(inverses)));
  IVec sum = {};
#pragma GCC unroll 4
  for (int64_t i = 0; i < kVectors; ++i) {
    const IVec q = nearest(load(x + i * kWidth) * inverse) & deal<kLane>(finite);
    store_bytes(rounded + i * kWidth, q);
    sum += q;
  }
  return sum;
}

/// Rounds units of kUnit values, each by its largest magnitude. A factor is NaN, and all values 0,
/// where x holds NaN or an infinity.
template <int64_t kUnit>
inline void round_units(Storage storage, const float* x, int64_t first, PreparedSpan& span) {
  constexpr int64_t kVectors = kUnit / kWidth;
  IVec largest[kUnitsTogether];  // as bits: in the order of magnitudes, NaN above infinity
#pragma GCC unroll 4
  for (int64_t u = 0; u < kUnitsTogether; ++u) {
    largest[u] = IVec{};
#pragma GCC unroll 4
    for (int64_t i = 0; i < kVectors; ++i) {
      const IVec bits = reinterpret_cast<IVec>(load(x + u * kUnit + i * kWidth));
      largest[u] = larger(largest[u], bits & 0x7fffffff);
    }
  }
  const IVec limits = largest_across(largest[0], largest[1], largest[2], largest[3]);
  const IVec finite = limits < 0x7f800000;
  const Vec limit = reinterpret_cast<Vec>(limits);
  const Vec inverses = limit > kLeast ? 127.0f / limit : Vec{};
  int8_t* rounded = span.values + first * kUnit;
  const IVec sums =
      sum_across(round_unit<kVectors, 0>(x, inverses, finite, rounded),
                 round_unit<kVectors, 1>(x + kUnit, inverses, finite, rounded + kUnit),
                 round_unit<kVectors, 2>(x + 2 * kUnit, inverses, finite, rounded + 2 * kUnit),
                 round_unit<kVectors, 3>(x + 3 * kUnit, inverses, finite, rounded + 3 * kUnit));
  const Vec factors = reinterpret_cast<Vec>(reinterpret_cast<IVec>(limit / 127.0f) | ~finite);
  const Vec scaled_sums = factors * __builtin_convertvector(sums, Vec);
  const IVec starts = sums * -offset_of(storage);
  __builtin_memcpy(span.factors + first, &factors, 4 * kUnitsTogether);
  if (has_minima(storage)) {
    __builtin_memcpy(span.sums + first, &scaled_sums, 4 * kUnitsTogether);
  } else {
    __builtin_memcpy(span.starts + first, &starts, 4 * kUnitsTogether);
  }
}

/// A span of `count` values, zeros behind them; its values in their own order.
template <int64_t kUnit>
void prepare_span(Storage storage, const float* x, int64_t count, PreparedSpan& span) {
  float padded[kSpan];
  if (count < kSpan) {
    __builtin_memset(padded, 0, sizeof padded);
    __builtin_memcpy(padded, x, static_cast<size_t>(count) * sizeof(float));
    x = padded;
  }
  for (int64_t u = 0; u < kSpan / kUnit; u += kUnitsTogether) {
    round_units<kUnit>(storage, x + u * kUnit, u, span);
  }
}

/// For rows that go each for itself: of the units that lie side by side in the vectors of the
/// weights' bytes first 16 values of each, then the others.
void order_values(int64_t unit, PreparedSpan& span) {
  if (unit == 16) return;
  int8_t ordered[kSpan];
  for (int64_t piece = 0; piece < kSpan / 16; ++piece) {
    const int64_t u = piece / 2, half = piece % 2;
    const int64_t to = (u / kParts * 2 + half) * kParts + u % kParts;
    __builtin_memcpy(ordered + 16 * to, span.values + 16 * piece, 16);
  }
  __builtin_memcpy(span.values, ordered, kSpan);
}

/// Row `row` of m among kInputsTogether; zeros behind the last one.
template <Storage storage>
void put_beside_others(const PreparedSpan& span, int64_t row, int64_t m,
                       InputsUnit<storage>* units) {
  constexpr int64_t kUnit = unit_values(storage);
  const int64_t lane = row % kInputsTogether;
  const int64_t behind = row + 1 < m ? lane + 1 : kInputsTogether;
  const int64_t groups = input_groups_of(m);
  for (int64_t u = 0; u < kSpan / kUnit; ++u) {
    InputsUnit<storage>& unit = units[u * groups];
    for (int64_t j = 0; j < kUnit / 4; ++j) {
      __builtin_memcpy(&unit.values[j][lane], span.values + u * kUnit + 4 * j, 4);
      for (int64_t i = lane + 1; i < behind; ++i) unit.values[j][i] = 0;
    }
    unit.factors[lane] = span.factors[u];
    unit.starts[lane] = span.starts[u];
    for (int64_t i = lane + 1; i < behind; ++i) {
      unit.factors[i] = 0;
      unit.starts[i] = 0;
    }
  }
}

/// A unit's bytes as they meet weights.
template <Storage storage>
void put_values(const int8_t* bytes, int32_t (&values)[group_lanes(storage)]) {
  if constexpr (meets_as_words(storage)) {
    int16_t words[unit_values(storage)];
    for (int64_t i = 0; i < unit_values(storage); i += 4) {
      words[i] = bytes[i];
      words[i + 1] = bytes[i + 2];
      words[i + 2] = bytes[i + 1];
      words[i + 3] = bytes[i + 3];
    }
    __builtin_memcpy(values, words, sizeof values);
  } else {
    __builtin_memcpy(values, bytes, sizeof values);
  }
}

/// Row `row` of m as one of a group; zeros behind the last one.
template <Storage storage>
void put_into_group(const PreparedSpan& span, int64_t row, int64_t m, GroupUnit<storage>* group) {
  constexpr int64_t kUnit = unit_values(storage);
  const int64_t place = row % kGroupRows;
  const int64_t behind = row + 1 < m ? place + 1 : kGroupRows;
  for (int64_t u = 0; u < kSpan / kUnit; ++u) {
    GroupUnit<storage>& unit = group[u];
    put_values<storage>(span.values + u * kUnit, unit.values[place]);
    unit.factors[place] = span.factors[u];
    unit.starts[place] = span.starts[u];
    for (int64_t i = place + 1; i < behind; ++i) {
      __builtin_memset(unit.values[i], 0, sizeof unit.values[i]);
      unit.factors[i] = 0;
      unit.starts[i] = 0;
    }
  }
}

template <Storage storage>
void put(PreparedSpan& span, int64_t i, int64_t spans, int64_t row, int64_t m, void* prepared) {
  constexpr int64_t kUnits = kSpan / unit_values(storage);
  if (m <= kMaxSingleRows) {
    order_values(unit_values(storage), span);
    static_cast<PreparedSpan*>(prepared)[row * spans + i] = span;
  } else if (m <= kFewRows) {
    auto* units = static_cast<InputsUnit<storage>*>(prepared);
    const int64_t first = i * kUnits * input_groups_of(m) + row / kInputsTogether;
    put_beside_others(span, row, m, units + first);
  } else {
    auto* groups = static_cast<GroupUnit<storage>*>(prepared);
    put_into_group(span, row, m, groups + (row / kGroupRows * spans + i) * kUnits);
  }
}

// Span by span, so that those of rows that lie in the same cache lines are written together.
template <Storage storage>
void prepare_rows(const float* x, int64_t k, int64_t first, int64_t count, int64_t m,
                  void* prepared) {
  const int64_t spans = spans_of(k);
  for (int64_t i = 0; i < spans; ++i) {
    const int64_t values = k - i * kSpan < kSpan ? k - i * kSpan : kSpan;
    for (int64_t n = 0; n < count; ++n) {
      PreparedSpan span;
      prepare_span<unit_values(storage)>(storage, x + n * k + i * kSpan, values, span);
      put<storage>(span, i, spans, first + n, m, prepared);
    }
  }
}

}  // namespace

size_t prepared_bytes(int64_t m, int64_t k) {
  const auto spans = static_cast<size_t>(spans_of(k));
  if (m <= kMaxSingleRows) return static_cast<size_t>(m) * spans * sizeof(PreparedSpan);
  // the smaller the units, the more factors
  if (m <= kFewRows) {
    return static_cast<size_t>(input_groups_of(m)) * spans * kMaxUnits *
           sizeof(InputsUnit<Storage::kQ6_K>);
  }
  constexpr size_t kSmallUnits = kMaxUnits * sizeof(GroupUnit<Storage::kQ6_K>);
  constexpr size_t kWideUnits = kMaxUnits / 2 * sizeof(GroupUnit<Storage::kQ8_0>);
  return static_cast<size_t>(groups_of(m)) * spans *
         (kSmallUnits > kWideUnits ? kSmallUnits : kWideUnits);
}

void prepare_input(Storage storage, const float* x, int64_t k, int64_t first, int64_t count,
                   int64_t m, void* prepared) {
  switch (storage) {
    case Storage::kQ8_0:
      return prepare_rows<Storage::kQ8_0>(x, k, first, count, m, prepared);
    case Storage::kQ4_0:
      return prepare_rows<Storage::kQ4_0>(x, k, first, count, m, prepared);
    case Storage::kQ4_K:
      return prepare_rows<Storage::kQ4_K>(x, k, first, count, m, prepared);
    default:
      return prepare_rows<Storage::kQ6_K>(x, k, first, count, m, prepared);
  }
}

#else

// Without int8 dot products x stays as it is (matvec_quantised.cpp).

size_t prepared_bytes(int64_t m, int64_t k) {
  return static_cast<size_t>(m * k) * sizeof(float);
}

void prepare_input(Storage, const float* x, int64_t k, int64_t first, int64_t count, int64_t,
                   void* prepared) {
  __builtin_memcpy(static_cast<float*>(prepared) + first * k, x,
                   static_cast<size_t>(count * k) * sizeof(float));
}

#endif

}  // namespace owl3::cpu::OWL3_ISA
