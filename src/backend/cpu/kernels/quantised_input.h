// Rows of x prepared for products with weights in blocks. Included by kernel sources only.
//
// All formats are walked in spans of 256 values, and spans in *units*: values that share a scale of
// the weights and one of x. A row of weights and one of x meet in kParts chains: unit u is added to
// chain u mod kParts, one unit after another, and the chains are added pairwise at the end. Every
// kernel does these operations on floats, and sums of integers are exact in any order: so a row of
// x has the same result whichever kernel it takes, and whatever rows come with it.
#pragma once

#include <cstddef>

#include "backend/cpu/kernels/quantised_vectors.h"

#if defined(__AVX2__)

namespace owl3::cpu::OWL3_ISA {

inline constexpr int64_t kSpan = 256;
inline constexpr int64_t kMaxUnits = 16;  // in a span

static inline int64_t spans_of(int64_t k) {
  return (k + kSpan - 1) / kSpan;
}

/// As many values as share a scale of the weights.
constexpr int64_t unit_values(Storage storage) {
  return storage == Storage::kQ6_K ? 16 : 32;
}

/// By how much the bytes that products take are more than the weights' integers.
constexpr int32_t offset_of(Storage storage) {
  switch (storage) {
    case Storage::kQ4_0:
      return 8;
    case Storage::kQ6_K:
      return 32;
    case Storage::kQ8_0:  // without VNNI they stay signed: pairs of products are added in 16 bits
      return kHasVnni ? 128 : 0;
    default:
      return 0;
  }
}

constexpr bool has_minima(Storage storage) {
  return storage == Storage::kQ4_K;
}

/// A few rows: each for itself. Behind k all is zero.
struct PreparedSpan {
  int8_t values[kSpan];  // in the order in which the weights' bytes are (quantised_formats.h)
  float factors[kMaxUnits];
  union {
    int32_t starts[kMaxUnits];  // where a unit's sum starts: -offset * the sum of its values
    float sums[kMaxUnits];      // with minima: the factor times that sum
  };
};

/// More: a unit of kInputsTogether rows, side by side. The groups of such rows alternate, unit by
/// unit.
inline constexpr int64_t kInputsTogether = 4;
template <Storage storage>
struct InputsUnit {
  int32_t values[unit_values(storage) / 4][kInputsTogether];  // 4 bytes each
  float factors[kInputsTogether];
  union {
    int32_t starts[kInputsTogether];
    float sums[kInputsTogether];
  };
};

static inline int64_t input_groups_of(int64_t m) {
  return (m + kInputsTogether - 1) / kInputsTogether;
}

/// Many: a unit of kGroupRows rows, whose values are broadcast to features (product_quantised.cpp):
/// 4 bytes at a time or, where bytes would have to be multiplied with signed ones without VNNI, as
/// 2 words, of every other byte (words_of_bytes).
inline constexpr int64_t kGroupRows = kRegisters == 32 ? 6 : 4;
constexpr bool meets_as_words(Storage storage) {
  return storage == Storage::kQ8_0 && !kHasVnni;
}
constexpr int64_t group_lanes(Storage storage) {
  return unit_values(storage) / (meets_as_words(storage) ? 2 : 4);
}
template <Storage storage>
struct GroupUnit {
  int32_t values[kGroupRows][group_lanes(storage)];
  float factors[kGroupRows];
  union {
    int32_t starts[kGroupRows];
    float sums[kGroupRows];
  };
};

static inline int64_t groups_of(int64_t m) {
  return (m + kGroupRows - 1) / kGroupRows;
}

/// Up to so many rows go each for itself; where the others begin to be faster.
inline constexpr int64_t kMaxSingleRows = kRegisters == 32 ? 4 : 3;

}  // namespace owl3::cpu::OWL3_ISA

#endif
