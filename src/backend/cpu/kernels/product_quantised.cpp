// Products of many rows of x in int8 with weights in blocks: the prompt's.
//
// A panel of weights, kFeatures of them deep over a few spans, is unpacked once to where it is read
// in order: of a unit, 4 bytes of each feature to a vector (or 2 words, quantised_input.h). It
// stays in the L2 cache while groups of kGroupRows rows of x pass over it, whose bytes are
// broadcast. So a load of weights serves kGroupRows products and one of x kVectors of them, all
// sums stay in registers, and the bound is arithmetic: per unit of 32 values 8 dot products and 2
// operations on floats (3 with minima) of the same pipes; unpacking costs a hundredth of it at 512
// rows.
//
// The operations on floats are those of the products with few rows (quantised_input.h).
#include "backend/cpu/kernels/ahead.h"
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/quantised_weights.h"

namespace owl3::cpu::OWL3_ISA {

#if defined(__AVX2__)

namespace {

constexpr int64_t kVectors = 2;
constexpr int64_t kFeatures = kVectors * kWidth;
constexpr int64_t kBlockSpans = 6;  // of a panel: with 32 features 55 KB, in words 108

/// Vectors of a unit: 4 bytes of each feature, or 2 words.
template <typename Format>
constexpr int64_t kLanes = group_lanes(Format::kStorage);

/// A unit of kFeatures features: what lane j of a row of x meets is vectors j.
template <typename Format>
struct PanelUnit {
  IVec values[kLanes<Format>][kVectors];
  Vec scales[kVectors];
  Vec minima[Format::kMinima ? kVectors : 1];
};

/// A panel's units are in order of their chains: those of chain p begin at unit p * chain_units.
template <typename Format>
constexpr int64_t kChainUnits = kBlockSpans* Format::kSets;

template <typename Format>
struct Panel {
  PanelUnit<Format> units[kParts * kChainUnits<Format>];

  PanelUnit<Format>& at(int64_t chain, int64_t unit) {
    return units[chain * kChainUnits<Format> + unit];
  }
};

/// Part p of vector i becomes part i of vector p.
inline void exchange_parts(const Raw (&in)[kParts], Raw (&out)[kParts]) {
#if defined(__AVX512F__)
  const __m512i low_01 = _mm512_shuffle_i32x4(in[0], in[1], 0x44);
  const __m512i high_01 = _mm512_shuffle_i32x4(in[0], in[1], 0xee);
  const __m512i low_23 = _mm512_shuffle_i32x4(in[2], in[3], 0x44);
  const __m512i high_23 = _mm512_shuffle_i32x4(in[2], in[3], 0xee);
  out[0] = _mm512_shuffle_i32x4(low_01, low_23, 0x88);
  out[1] = _mm512_shuffle_i32x4(low_01, low_23, 0xdd);
  out[2] = _mm512_shuffle_i32x4(high_01, high_23, 0x88);
  out[3] = _mm512_shuffle_i32x4(high_01, high_23, 0xdd);
#else
  out[0] = _mm256_permute2x128_si256(in[0], in[1], 0x20);
  out[1] = _mm256_permute2x128_si256(in[0], in[1], 0x31);
#endif
}

/// Within each part: lane i of the n-th vector becomes lane n of the i-th.
inline void exchange_lanes(const IVec (&in)[4], Raw (&out)[4]) {
  IVec ab[2], cd[2];
  alternate(in[0], in[1], ab);
  alternate(in[2], in[3], cd);
#if defined(__AVX512F__)
  out[0] = _mm512_unpacklo_epi64(raw(ab[0]), raw(cd[0]));
  out[1] = _mm512_unpackhi_epi64(raw(ab[0]), raw(cd[0]));
  out[2] = _mm512_unpacklo_epi64(raw(ab[1]), raw(cd[1]));
  out[3] = _mm512_unpackhi_epi64(raw(ab[1]), raw(cd[1]));
#else
  out[0] = _mm256_unpacklo_epi64(raw(ab[0]), raw(cd[0]));
  out[1] = _mm256_unpackhi_epi64(raw(ab[0]), raw(cd[0]));
  out[2] = _mm256_unpacklo_epi64(raw(ab[1]), raw(cd[1]));
  out[3] = _mm256_unpackhi_epi64(raw(ab[1]), raw(cd[1]));
#endif
}

/// Factors of a set, of kParts times 4 features, to those of its units.
template <typename Format>
inline void put_factors(const Vec (&in)[kParts], Vec (&out)[kParts]) {
  Raw from[kParts], to[kParts];
#pragma GCC unroll 4
  for (int64_t i = 0; i < kParts; ++i) from[i] = reinterpret_cast<Raw>(in[i]);
  exchange_parts(from, to);
#pragma GCC unroll 4
  for (int64_t i = 0; i < kParts; ++i) out[i] = reinterpret_cast<Vec>(to[i]);
}

/// Bytes 4 j to 4 j + 3 of kWidth features.
template <typename Format>
inline void put_values(IVec bytes, int64_t j, int64_t v, PanelUnit<Format>& unit) {
  if constexpr (meets_as_words(Format::kStorage)) {
    IVec words[2];
    words_of_bytes(bytes, words);
    unit.values[2 * j][v] = words[0];
    unit.values[2 * j + 1][v] = words[1];
  } else {
    unit.values[j][v] = bytes;
  }
}

/// A span of kWidth features, which are vector v of the panel's.
template <typename Format>
void pack_span(const RowsSpan& w, int64_t span, int64_t v, Panel<Format>& panel) {
  typename Format::Factors factors[kParts];
  for (int64_t g = 0; g < kParts; ++g) Format::factors(w.four(g), factors[g]);
  for (int64_t set = 0; set < Format::kSets; ++set) {
    const int64_t unit = span * Format::kSets + set;
    // Part g of the n-th vectors is of row 4 g + n; so is then lane n of part g.
    IVec fetched[4][Format::kFetched];
#pragma GCC unroll 4
    for (int64_t n = 0; n < 4; ++n) {
      Format::fetch_set(w.first + n * w.stride, 4 * w.stride, set, fetched[n]);
    }
#pragma GCC unroll 4
    for (int64_t p = 0; p < kParts; ++p) {
#pragma GCC unroll 2
      for (int64_t step = 0; step < Format::kSteps; ++step) {
        IVec rows[4];
#pragma GCC unroll 4
        for (int64_t n = 0; n < 4; ++n) {
          rows[n] = Format::bytes_of_rows(fetched[n], set, p, step);
        }
        Raw lanes[4];
        exchange_lanes(rows, lanes);
#pragma GCC unroll 4
        for (int64_t j = 0; j < 4; ++j) {
          put_values(ints(lanes[j]), 4 * step + j, v, panel.at(p, unit));
        }
      }
    }
    Vec from[kParts], to[kParts];
#pragma GCC unroll 4
    for (int64_t g = 0; g < kParts; ++g) from[g] = factors[g].scales[set];
    put_factors<Format>(from, to);
#pragma GCC unroll 4
    for (int64_t p = 0; p < kParts; ++p) panel.at(p, unit).scales[v] = to[p];
    if constexpr (Format::kMinima) {
#pragma GCC unroll 4
      for (int64_t g = 0; g < kParts; ++g) from[g] = factors[g].minima[set];
      put_factors<Format>(from, to);
#pragma GCC unroll 4
      for (int64_t p = 0; p < kParts; ++p) panel.at(p, unit).minima[v] = to[p];
    }
  }
}

template <typename Format>
void pack(const Weights<Format>& weights, int64_t first, int64_t first_span, int64_t spans,
          Panel<Format>& panel) {
  for (int64_t v = 0; v < kVectors; ++v) {
    SpansOfRows<Format, kWidth, 1> rows(weights, first + v * kWidth);
    for (int64_t span = 0; span < spans; ++span) {
      pack_span(rows.at(first_span + span, 1), span, v, panel);
    }
  }
}

/// The sums so far of a group of rows of x with a panel's features, in chains.
struct GroupSums {
  Vec chains[kParts][kGroupRows][kVectors];
};

/// Products of how many vectors of bytes can be added in 16 bits.
template <typename Format>
constexpr int64_t kLanesInWords = Format::kOffset == 32 ? 2 : kLanes<Format>;

/// Where the sums of a unit's row start.
template <typename Format>
[[gnu::always_inline]] inline IVec start_of(const GroupUnit<Format::kStorage>& x, int64_t r) {
  return Format::kOffset != 0 ? IVec{} + x.starts[r] : IVec{};
}

/// A unit's products, added in 16 bits as far as they fit. Row by row: the sums of all would not
/// stay in registers.
template <typename Format>
[[gnu::always_inline]] inline void multiply_by_words(const PanelUnit<Format>& w,
                                                     const GroupUnit<Format::kStorage>& x,
                                                     IVec (&dots)[kGroupRows][kVectors]) {
#pragma GCC unroll 8
  for (int64_t r = 0; r < kGroupRows; ++r) {
    IVec sums[kVectors], words[kVectors];
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) sums[v] = start_of<Format>(x, r);
#pragma GCC unroll 8
    for (int64_t j = 0; j < kLanes<Format>; ++j) {
      const IVec values = IVec{} + x.values[r][j];
      const bool first = j % kLanesInWords<Format> == 0;
      const bool last = (j + 1) % kLanesInWords<Format> == 0;
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        const IVec pairs = multiply_pairs_of_bytes(w.values[j][v], values);
        words[v] = first ? pairs : add_words(words[v], pairs);
        if (last) sums[v] += sum_words(words[v]);
      }
    }
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) dots[r][v] = sums[v];
  }
}

template <typename Format>
[[gnu::always_inline]] inline void multiply_unit(const PanelUnit<Format>& w,
                                                 const GroupUnit<Format::kStorage>& x,
                                                 IVec (&dots)[kGroupRows][kVectors]) {
  constexpr bool kAsWords = meets_as_words(Format::kStorage);
  if constexpr (!kHasVnni && !kAsWords) {
    multiply_by_words(w, x, dots);
    return;
  }
#pragma GCC unroll 8
  for (int64_t r = 0; r < kGroupRows; ++r) {
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) dots[r][v] = start_of<Format>(x, r);
  }
#pragma GCC unroll 8
  for (int64_t j = 0; j < kLanes<Format>; ++j) {
#pragma GCC unroll 8
    for (int64_t r = 0; r < kGroupRows; ++r) {
      const IVec values = IVec{} + x.values[r][j];
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        dots[r][v] = kAsWords ? dot_words(dots[r][v], w.values[j][v], values)
                              : dot<Format>(dots[r][v], w.values[j][v], values);
      }
    }
  }
}

/// Adds units to their chain, every kParts-th of x.
template <typename Format>
[[gnu::always_inline]] inline void add_units(const PanelUnit<Format>* w, int64_t units,
                                             const GroupUnit<Format::kStorage>* x,
                                             Vec (&sums)[kGroupRows][kVectors]) {
  for (int64_t unit = 0; unit < units; ++unit, ++w, x += kParts) {
    IVec dots[kGroupRows][kVectors];
    multiply_unit<Format>(*w, *x, dots);
#pragma GCC unroll 8
    for (int64_t r = 0; r < kGroupRows; ++r) {
      const Vec factor = broadcast(x->factors[r]);
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        const Vec scaled = __builtin_convertvector(dots[r][v], Vec) * w->scales[v];
        sums[r][v] = multiply_add(scaled, factor, sums[r][v]);
        if constexpr (Format::kMinima) {
          sums[r][v] = multiply_add(w->minima[v], broadcast(x->sums[r]), sums[r][v]);
        }
      }
    }
  }
}

template <typename Format>
void multiply_group(const Panel<Format>& panel, int64_t sets, const GroupUnit<Format::kStorage>* x,
                    bool first, GroupSums& group) {
  for (int64_t chain = 0; chain < kParts; ++chain) {
    Vec sums[kGroupRows][kVectors];
#pragma GCC unroll 8
    for (int64_t r = 0; r < kGroupRows; ++r) {
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        sums[r][v] = first ? Vec{} : group.chains[chain][r][v];
      }
    }
    add_units<Format>(panel.units + chain * kChainUnits<Format>, sets, x + chain, sums);
#pragma GCC unroll 8
    for (int64_t r = 0; r < kGroupRows; ++r) {
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) group.chains[chain][r][v] = sums[r][v];
    }
  }
}

/// Of rows first_row.. of x and features first...
void put_group(const GroupSums& group, int64_t rows, int64_t first_row, int64_t first,
               int64_t features, const Output& output) {
  for (int64_t r = 0; r < rows; ++r) {
    Vec row[kVectors];
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) {
      row[v] = group.chains[0][r][v] + group.chains[1][r][v];
      if constexpr (kParts == 4) row[v] += group.chains[2][r][v] + group.chains[3][r][v];
    }
    if (features == kFeatures) {
      output.put_vectors(first_row + r, first, row);
    } else {
      output.put_row(first_row + r, first, reinterpret_cast<const float*>(row), features);
    }
  }
}

/// Has the weights of the next panel fetched while groups are multiplied with this one.
template <typename Format>
class NextPanel {
 public:
  /// Spans `span` onward of features `first` onward, row by row over so many groups.
  NextPanel(const Weights<Format>& weights, int64_t first, int64_t span, int64_t groups)
      : next_(weights.row(first) + span * Weights<Format>::kSpanBytes),
        stride_(weights.stride()),
        rows_(first < weights.rows() ? kFeatures : 0),
        groups_(groups) {
    const int64_t rest = weights.spans() - span;
    bytes_ = (rest < kBlockSpans ? rest : kBlockSpans) * Weights<Format>::kSpanBytes;
  }

  /// While the n-th group is multiplied.
  void fetch(int64_t n) const {
    for (int64_t row = n * rows_ / groups_; row < (n + 1) * rows_ / groups_; ++row) {
      fetch_ahead(next_ + row * stride_, bytes_);
    }
  }

 private:
  const std::byte* next_;
  int64_t stride_, bytes_, rows_, groups_;
};

template <typename Format>
void multiply_panels(const void* blocks, int64_t rows, int64_t k, const void* prepared, int64_t m,
                     const Output& output, void* scratch) {
  const Weights<Format> weights(blocks, rows, k);
  const auto* x = static_cast<const GroupUnit<Format::kStorage>*>(prepared);
  const int64_t spans = weights.spans();
  const int64_t groups = groups_of(m);
  auto* panel = static_cast<Panel<Format>*>(scratch);
  auto* sums = reinterpret_cast<GroupSums*>(panel + 1);
  for (int64_t first = 0; first < rows; first += kFeatures) {
    const int64_t features = rows - first < kFeatures ? rows - first : kFeatures;
    for (int64_t span = 0; span < spans; span += kBlockSpans) {
      const int64_t count = spans - span < kBlockSpans ? spans - span : kBlockSpans;
      pack(weights, first, span, count, *panel);
      const bool is_last = span + count >= spans;
      // Those of a last span that have no values would add zeros.
      const int64_t units =
          is_last ? weights.units() - span * Format::kUnits : count * Format::kUnits;
      const int64_t sets = (units + kParts - 1) / kParts;
      const NextPanel<Format> next(weights, is_last ? first + kFeatures : first,
                                   is_last ? 0 : span + count, groups);
      for (int64_t group = 0; group < groups; ++group) {
        next.fetch(group);
        // In one block, sums need no memory of their own.
        GroupSums& to = sums[spans > kBlockSpans ? group : 0];
        multiply_group(*panel, sets, x + (group * spans + span) * Format::kUnits, span == 0, to);
        if (!is_last) continue;
        const int64_t rest = m - group * kGroupRows;
        put_group(to, rest < kGroupRows ? rest : kGroupRows, group * kGroupRows, first, features,
                  output);
      }
    }
  }
}

}  // namespace

size_t product_scratch_bytes(int64_t m) {
  size_t panel = sizeof(Panel<Q8_0>);
  if (sizeof(Panel<Q4_K>) > panel) panel = sizeof(Panel<Q4_K>);
  if (sizeof(Panel<Q6_K>) > panel) panel = sizeof(Panel<Q6_K>);
  return panel + static_cast<size_t>(groups_of(m)) * sizeof(GroupSums);
}

void product_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                       const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate,
                       void* scratch) {
  const Output output = {y, ldy, accumulate};
  with_format(storage, [&](auto format) {
    multiply_panels<decltype(format)>(weights, rows, k, prepared, m, output, scratch);
  });
}

#endif

}  // namespace owl3::cpu::OWL3_ISA
