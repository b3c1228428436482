// Rows of x rounded to int8, for products with weights in blocks.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/quantised_input.h"

namespace owl3::cpu::OWL3_ISA {

#if defined(__AVX2__)

namespace {

struct Rounded {
  float scale;  // NaN where x holds NaN or an infinity
  int32_t sum;
};

/// Rounds kCount values by their largest magnitude.
template <int64_t kCount>
inline Rounded round_values(const float* x, int8_t* rounded) {
  Vec largest = {};
  Vec nothing = {};  // 0 unless x holds NaN, which no maximum keeps
#pragma GCC unroll 4
  for (int64_t j = 0; j < kCount; j += kWidth) {
    const Vec v = load(x + j);
    largest = maximum(largest, maximum(v, -v));
    nothing += v * 0.0f;
  }
  const float limit = largest_of(largest) + sum_of(nothing);
  if (!(limit < __builtin_inff())) {
    __builtin_memset(rounded, 0, kCount);
    return {__builtin_nanf(""), 0};
  }
  const float inverse = limit > 0 ? 127.0f / limit : 0.0f;
  Vec total = {};  // of integers, exact
#pragma GCC unroll 4
  for (int64_t j = 0; j < kCount; j += kWidth) {
    const Vec q = round_to_integer(load(x + j) * inverse);
    total += q;
    store_bytes(rounded + j, __builtin_convertvector(q, IVec));
  }
  return {limit / 127.0f, static_cast<int32_t>(sum_of(total))};
}

/// A span of `count` values, a multiple of 32; its values in their own order.
template <int64_t kUnit>
void prepare_span(Storage storage, const float* x, int64_t count, PreparedSpan& span) {
  if (count < kSpan) __builtin_memset(static_cast<void*>(&span), 0, sizeof span);
  for (int64_t u = 0; u < count / kUnit; ++u) {
    const Rounded rounded = round_values<kUnit>(x + u * kUnit, span.values + u * kUnit);
    span.factors[u] = rounded.scale;
    if (has_minima(storage)) {
      span.sums[u] = rounded.scale * static_cast<float>(rounded.sum);
    } else {
      span.starts[u] = -offset_of(storage) * rounded.sum;
    }
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

/// Row `row` of m as one of a group; zeros behind the last one.
template <Storage storage>
void put_into_group(const PreparedSpan& span, int64_t row, int64_t m, GroupUnit<storage>* group) {
  constexpr int64_t kUnit = unit_values(storage);
  const int64_t place = row % kGroupRows;
  const int64_t behind = row + 1 < m ? place + 1 : kGroupRows;
  for (int64_t u = 0; u < kSpan / kUnit; ++u) {
    GroupUnit<storage>& unit = group[u];
    __builtin_memcpy(unit.values[place], span.values + u * kUnit, kUnit);
    unit.factors[place] = span.factors[u];
    unit.starts[place] = span.starts[u];
    for (int64_t i = place + 1; i < behind; ++i) {
      __builtin_memset(unit.values[i], 0, kUnit);
      unit.factors[i] = 0;
      unit.starts[i] = 0;
    }
  }
}

template <Storage storage>
void prepare_row(const float* x, int64_t k, int64_t row, int64_t m, void* prepared) {
  constexpr int64_t kUnit = unit_values(storage);
  const int64_t spans = spans_of(k);
  for (int64_t i = 0; i < spans; ++i) {
    PreparedSpan span;
    const int64_t count = k - i * kSpan < kSpan ? k - i * kSpan : kSpan;
    prepare_span<kUnit>(storage, x + i * kSpan, count, span);
    if (m <= kMaxSingleRows) {
      order_values(kUnit, span);
      static_cast<PreparedSpan*>(prepared)[row * spans + i] = span;
    } else if (m <= kFewRows) {
      auto* units = static_cast<InputsUnit<storage>*>(prepared);
      put_beside_others(span, row, m,
                        units + i * (kSpan / kUnit) * input_groups_of(m) + row / kInputsTogether);
    } else {
      auto* groups = static_cast<GroupUnit<storage>*>(prepared);
      put_into_group(span, row, m, groups + (row / kGroupRows * spans + i) * (kSpan / kUnit));
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
  return static_cast<size_t>(groups_of(m)) * spans * kMaxUnits * sizeof(GroupUnit<Storage::kQ6_K>);
}

void prepare_input(Storage storage, const float* x, int64_t k, int64_t row, int64_t m,
                   void* prepared) {
  switch (storage) {
    case Storage::kQ8_0:
      return prepare_row<Storage::kQ8_0>(x, k, row, m, prepared);
    case Storage::kQ4_0:
      return prepare_row<Storage::kQ4_0>(x, k, row, m, prepared);
    case Storage::kQ4_K:
      return prepare_row<Storage::kQ4_K>(x, k, row, m, prepared);
    default:
      return prepare_row<Storage::kQ6_K>(x, k, row, m, prepared);
  }
}

#else

// Without int8 dot products x stays as it is (matvec_quantised.cpp).

size_t prepared_bytes(int64_t m, int64_t k) {
  return static_cast<size_t>(m * k) * sizeof(float);
}

void prepare_input(Storage, const float* x, int64_t k, int64_t row, int64_t, void* prepared) {
  __builtin_memcpy(static_cast<float*>(prepared) + row * k, x,
                   static_cast<size_t>(k) * sizeof(float));
}

#endif

}  // namespace owl3::cpu::OWL3_ISA
