// Products of a few rows of x in int8 with weights in blocks: conversations that decode together.
//
// A vector holds the same 16 values of a unit of kParts rows of weights, one to each part of 128
// bits; dealt out within the parts, 4 bytes to all lanes, it meets vectors of x in which lane r of
// every part is row r's. So a lane of a sum belongs to one row of weights and one of x: nothing is
// summed over lanes, and a load of x serves every vector of a tile of rows. Blocks of a few spans
// of a tile are walked chain by chain (quantised_input.h), a chain's sums in registers: a store
// takes as long as two dot products here. One short loop does it all, and meanwhile the next tile's
// bytes are asked for. Weights are read once for all rows of x.
//
// The operations on floats are those of the products with one row (quantised_input.h).
#include "backend/cpu/kernels/ahead.h"
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/quantised_weights.h"

#if defined(__AVX2__)

namespace owl3::cpu::OWL3_ISA {

namespace {

constexpr int64_t kVectors = kRegisters == 32 ? 4 : 2;  // of a tile: kParts rows each
constexpr int64_t kFeatures = kVectors * kParts;        // rows of weights of a tile
constexpr int64_t kFours = kFeatures / kRowsTogether;
constexpr int64_t kVectorsOfFour = kRowsTogether / kParts;  // that hold 4 rows of weights
constexpr int64_t kMaxGroups = 2;                           // of kInputsTogether rows of x at once
constexpr int64_t kMaxPasses = kFewRows / (kMaxGroups * kInputsTogether);
constexpr int64_t kBlockSpans = 6;  // a tile's block stays in the L1 cache

/// The 4 values at p in every part.
inline IVec in_parts(const int32_t* p) {
#if defined(__AVX512F__)
  return ints(_mm512_broadcast_i32x4(load_16(p)));
#else
  return ints(_mm256_broadcastsi128_si256(load_16(p)));
#endif
}
inline Vec in_parts(const float* p) {
  return reinterpret_cast<Vec>(in_parts(reinterpret_cast<const int32_t*>(p)));
}

/// Which lanes of a set's factors go to all lanes of which part, for a unit in part `part` and the
/// h-th vector of 4 rows.
inline IVec lanes_of_unit(int64_t part, int64_t h) {
#if defined(__AVX512F__)
  const IVec parts = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
#else
  const IVec parts = {0, 0, 0, 0, 1, 1, 1, 1};
#endif
  return parts + static_cast<int32_t>(4 * part + h * kParts);
}
/// Lanes that go from part to part: from features by rows of x to rows of x by features.
inline IVec lanes_by_row() {
#if defined(__AVX512F__)
  return IVec{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
#else
  return IVec{0, 4, 1, 5, 2, 6, 3, 7};
#endif
}
inline Vec pick(Vec v, IVec lanes) {
#if defined(__AVX512F__)
  return _mm512_permutexvar_ps(raw(lanes), v);
#else
  return _mm256_permutevar8x32_ps(v, raw(lanes));
#endif
}

/// Products of a unit, with kGroups groups of rows of x.
template <typename Format, int64_t kGroups>
struct Products {
  static constexpr int64_t kV = kVectors;
  static constexpr bool kByWords = !kHasVnni && !Format::kSigned;
  typedef InputsUnit<Format::kStorage> Inputs;

  IVec dots[kV][kGroups];

  [[gnu::always_inline]] inline void begin(const Inputs* x) {
#pragma GCC unroll 4
    for (int64_t g = 0; g < kGroups; ++g) {
      const IVec start = Format::kOffset != 0 ? in_parts(x[g].starts) : IVec{};
#pragma GCC unroll 8
      for (int64_t v = 0; v < kV; ++v) dots[v][g] = start;
    }
  }

  /// With the values 16 step and onward of a unit.
  [[gnu::always_inline]] inline void add_step(const IVec (&w)[kV], const Inputs* x, int64_t step) {
    if constexpr (kByWords) {
      add_words_of_step(w, x, step);
    } else {
      add_lane<0>(w, x, step);
      add_lane<1>(w, x, step);
      add_lane<2>(w, x, step);
      add_lane<3>(w, x, step);
    }
  }

 private:
  template <int kLane>
  [[gnu::always_inline]] inline void add_lane(const IVec (&w)[kV], const Inputs* x, int64_t step) {
    IVec values[kGroups];
#pragma GCC unroll 4
    for (int64_t g = 0; g < kGroups; ++g) values[g] = in_parts(x[g].values[4 * step + kLane]);
#pragma GCC unroll 8
    for (int64_t v = 0; v < kV; ++v) {
      const IVec bytes = deal<kLane>(w[v]);
#pragma GCC unroll 4
      for (int64_t g = 0; g < kGroups; ++g) {
        dots[v][g] = dot<Format>(dots[v][g], bytes, values[g]);
      }
    }
  }

  /// Two products of bytes fit 16 bits whatever the format's, and so do the sums of two of those of
  /// 6 bits, or all of a step of fewer.
  [[gnu::always_inline]] inline void add_words_of_step(const IVec (&w)[kV], const Inputs* x,
                                                       int64_t step) {
#pragma GCC unroll 8
    for (int64_t v = 0; v < kV; ++v) {
      const IVec bytes[4] = {deal<0>(w[v]), deal<1>(w[v]), deal<2>(w[v]), deal<3>(w[v])};
#pragma GCC unroll 4
      for (int64_t g = 0; g < kGroups; ++g) {
        const int32_t(*values)[kInputsTogether] = x[g].values + 4 * step;
        const IVec first = add_words(multiply_pairs_of_bytes(bytes[0], in_parts(values[0])),
                                     multiply_pairs_of_bytes(bytes[1], in_parts(values[1])));
        const IVec second = add_words(multiply_pairs_of_bytes(bytes[2], in_parts(values[2])),
                                      multiply_pairs_of_bytes(bytes[3], in_parts(values[3])));
        if constexpr (Format::kOffset == 32) {
          dots[v][g] += sum_words(first) + sum_words(second);
        } else {
          dots[v][g] += sum_words(add_words(first, second));
        }
      }
    }
  }
};

template <typename Format>
using TileFactors = typename Format::Factors[kFours];
/// What a unit of a tile is made of.
template <typename Format>
using TileUnit = IVec[kVectors][Format::kPieces];

/// Adds a unit to the sums of its chain: unit `unit` of those that are unpacked each in its own
/// way, in set `set` of a span.
template <typename Format, int64_t kGroups>
[[gnu::always_inline]] inline void add_unit(const TileUnit<Format>& pieces, int64_t unit,
                                            const TileFactors<Format>& factors, int64_t set,
                                            const IVec (&lanes)[kVectorsOfFour],
                                            const InputsUnit<Format::kStorage>* x,
                                            Vec (&sums)[kVectors][kGroups]) {
  Products<Format, kGroups> products;
  products.begin(x);
#pragma GCC unroll 2
  for (int64_t step = 0; step < Format::kSteps; ++step) {
    IVec w[kVectors];
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) w[v] = Format::bytes_of_unit(pieces[v], unit, step);
    products.add_step(w, x, step);
  }
#pragma GCC unroll 4
  for (int64_t v = 0; v < kVectors; ++v) {
    const typename Format::Factors& of = factors[v / kVectorsOfFour];
    const Vec scales = pick(of.scales[set], lanes[v % kVectorsOfFour]);
#pragma GCC unroll 2
    for (int64_t g = 0; g < kGroups; ++g) {
      const Vec scaled = __builtin_convertvector(products.dots[v][g], Vec) * scales;
      sums[v][g] = multiply_add(scaled, in_parts(x[g].factors), sums[v][g]);
    }
    if constexpr (Format::kMinima) {
      const Vec minima = pick(of.minima[set], lanes[v % kVectorsOfFour]);
#pragma GCC unroll 2
      for (int64_t g = 0; g < kGroups; ++g) {
        sums[v][g] = multiply_add(minima, in_parts(x[g].sums), sums[v][g]);
      }
    }
  }
}

/// A block of a tile: up to kBlockSpans spans of its rows.
template <typename Format>
struct Block {
  RowsSpan rows;
  int64_t spans;
  const TileFactors<Format>* factors;  // span by span
  bool is_first;                       // of the tile: sums begin with it
  Ahead<kFeatures * Weights<Format>::kSpanBytes / Format::kUnits> ahead;
};

/// The rows of x that it meets: its units, of `groups` groups each.
template <typename Format>
struct Inputs {
  const InputsUnit<Format::kStorage>* units;
  int64_t groups;
};

/// The sums so far of a tile, in chains.
template <int64_t kGroups>
using Sums = Vec[kVectors][kGroups];
template <int64_t kGroups>
struct TileSums {
  Sums<kGroups> chains[kParts];
};

/// Adds a block's units of a chain.
template <typename Format, int64_t kGroups, int64_t kPhase>
[[gnu::always_inline]] inline void add_chain(Block<Format>& block, int64_t chain,
                                             const Inputs<Format>& inputs, Sums<kGroups>& to) {
  Sums<kGroups> sums;
#pragma GCC unroll 4
  for (int64_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 2
    for (int64_t g = 0; g < kGroups; ++g) sums[v][g] = block.is_first ? Vec{} : to[v][g];
  }
  IVec lanes[kVectorsOfFour];
#pragma GCC unroll 2
  for (int64_t h = 0; h < kVectorsOfFour; ++h) lanes[h] = lanes_of_unit(chain, h);
  auto ahead = block.ahead;
  RowsSpan rows = block.rows;
  const TileFactors<Format>* factors = block.factors;
  const InputsUnit<Format::kStorage>* x = inputs.units + chain * inputs.groups;
#pragma GCC unroll 1
  for (int64_t span = 0; span < block.spans; ++span) {
#pragma GCC unroll 1
    for (int64_t set = 0; set < Format::kSets; set += Format::kUnpackSets) {
      TileUnit<Format> pieces[Format::kUnitFetches];
#pragma GCC unroll 4
      for (int64_t i = 0; i < Format::kUnpackSets; ++i) {
        if (i < Format::kUnitFetches) {
#pragma GCC unroll 4
          for (int64_t v = 0; v < kVectors; ++v) {
            Format::fetch_unit(rows.first + v * kParts * rows.stride, rows.stride,
                               (set + i) * kParts + chain, pieces[i][v]);
          }
        }
        ahead.fetch();
        add_unit<Format, kGroups>(pieces[i % Format::kUnitFetches], i * kParts + kPhase, *factors,
                                  set + i, lanes, x, sums);
        x += kParts * inputs.groups;
      }
    }
    rows.first += Weights<Format>::kSpanBytes;
    ++factors;
  }
  block.ahead = ahead;
#pragma GCC unroll 4
  for (int64_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 2
    for (int64_t g = 0; g < kGroups; ++g) to[v][g] = sums[v][g];
  }
}

/// The same of a chain whose phase, kPhase or a later one, is found when it runs.
template <typename Format, int64_t kGroups, int64_t kPhase = 0>
[[gnu::always_inline]] inline void add_any_chain(Block<Format>& block, int64_t chain,
                                                 const Inputs<Format>& inputs, Sums<kGroups>& to) {
  if constexpr (kPhase + 1 < Format::kPhases) {
    if (chain % Format::kPhases > kPhase) {
      return add_any_chain<Format, kGroups, kPhase + 1>(block, chain, inputs, to);
    }
  }
  add_chain<Format, kGroups, kPhase>(block, chain, inputs, to);
}

template <typename Format, int64_t kGroups>
[[gnu::noinline]] void add_block(Block<Format>& block, const Inputs<Format>& inputs,
                                 TileSums<kGroups>& tile) {
#pragma GCC unroll 1
  for (int64_t chain = 0; chain < kParts; ++chain) {
    add_any_chain<Format, kGroups>(block, chain, inputs, tile.chains[chain]);
  }
}

/// From kParts features to a vector and rows of x to their lanes to kFeatures features of each row.
inline void order_by_row(const Vec (&sums)[kVectors], float (&y)[kInputsTogether][kFeatures]) {
  Vec by_row[kVectors];  // 4 rows, kParts features each
#pragma GCC unroll 4
  for (int64_t v = 0; v < kVectors; ++v) by_row[v] = pick(sums[v], lanes_by_row());
#if defined(__AVX512F__)
  const Vec low_01 = _mm512_shuffle_f32x4(by_row[0], by_row[1], 0x44);
  const Vec high_01 = _mm512_shuffle_f32x4(by_row[0], by_row[1], 0xee);
  const Vec low_23 = _mm512_shuffle_f32x4(by_row[2], by_row[3], 0x44);
  const Vec high_23 = _mm512_shuffle_f32x4(by_row[2], by_row[3], 0xee);
  store(y[0], _mm512_shuffle_f32x4(low_01, low_23, 0x88));
  store(y[1], _mm512_shuffle_f32x4(low_01, low_23, 0xdd));
  store(y[2], _mm512_shuffle_f32x4(high_01, high_23, 0x88));
  store(y[3], _mm512_shuffle_f32x4(high_01, high_23, 0xdd));
#else
  const auto pairs = [&](int64_t v) { return reinterpret_cast<__m256d>(by_row[v]); };
  const Vec even = reinterpret_cast<Vec>(_mm256_unpacklo_pd(pairs(0), pairs(1)));
  const Vec odd = reinterpret_cast<Vec>(_mm256_unpackhi_pd(pairs(0), pairs(1)));
  _mm_storeu_ps(y[0], _mm256_castps256_ps128(even));
  _mm_storeu_ps(y[1], _mm256_castps256_ps128(odd));
  _mm_storeu_ps(y[2], _mm256_extractf128_ps(even, 1));
  _mm_storeu_ps(y[3], _mm256_extractf128_ps(odd, 1));
#endif
}

/// Features first... of up to `rows` rows of x, first_row onward.
template <int64_t kGroups>
void put_tile(const TileSums<kGroups>& tile, int64_t first_row, int64_t rows, int64_t first,
              int64_t features, const Output& output) {
  for (int64_t g = 0; g < kGroups; ++g) {
    Vec sums[kVectors];
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) {
      sums[v] = tile.chains[0][v][g] + tile.chains[1][v][g];
      if constexpr (kParts == 4) sums[v] += tile.chains[2][v][g] + tile.chains[3][v][g];
    }
    float y[kInputsTogether][kFeatures];
    order_by_row(sums, y);
    for (int64_t r = 0; r < kInputsTogether && g * kInputsTogether + r < rows; ++r) {
      output.put_row(first_row + g * kInputsTogether + r, first, y[r], features);
    }
  }
}

/// A tile of rows of weights with all rows of x, kMaxGroups groups at a time.
template <typename Format>
class Tile {
 public:
  Tile(const Weights<Format>& weights, int64_t first, const Inputs<Format>& x)
      : weights_(weights), rows_(weights, first), x_(x), ahead_(weights.row(first + kFeatures)) {}

  void multiply() {
    for (int64_t span = 0; span < weights_.spans(); span += kBlockSpans) {
      const int64_t rest = weights_.spans() - span;
      add_spans(span, rest < kBlockSpans ? rest : kBlockSpans);
    }
  }

  void put(int64_t m, int64_t first, const Output& output) const {
    constexpr int64_t kRows = kMaxGroups * kInputsTogether;
    const int64_t rest = weights_.rows() - first;
    const int64_t features = rest < kFeatures ? rest : kFeatures;
    for (int64_t i = 0; i < passes(); ++i) {
      if ((i + 1) * kMaxGroups <= x_.groups) {
        put_tile(sums_[i], i * kRows, m - i * kRows, first, features, output);
      } else {
        put_tile(last_sums_, i * kRows, m - i * kRows, first, features, output);
      }
    }
  }

 private:
  int64_t passes() const { return (x_.groups + kMaxGroups - 1) / kMaxGroups; }

  void add_spans(int64_t span, int64_t count) {
    TileFactors<Format> factors[kBlockSpans];
    Block<Format> block = {rows_.at(span, count), count, factors, span == 0, {ahead_}};
    for (int64_t i = 0; i < count; ++i) {
      const RowsSpan rows = {block.rows.first + i * Weights<Format>::kSpanBytes, block.rows.stride};
#pragma GCC unroll 1
      for (int64_t f = 0; f < kFours; ++f) Format::factors(rows.four(f), factors[i][f]);
    }
    const InputsUnit<Format::kStorage>* units = x_.units + span * Format::kUnits * x_.groups;
    for (int64_t i = 0; i < passes(); ++i) {
      const Inputs<Format> inputs = {units + i * kMaxGroups, x_.groups};
      if ((i + 1) * kMaxGroups <= x_.groups) {
        add_block<Format, kMaxGroups>(block, inputs, sums_[i]);
      } else {
        add_block<Format, 1>(block, inputs, last_sums_);
      }
      if (i == 0) ahead_ = block.ahead.next;
      block.ahead.next = nullptr;
    }
  }

  const Weights<Format>& weights_;
  SpansOfRows<Format, kFeatures, kBlockSpans> rows_;
  Inputs<Format> x_;
  const std::byte* ahead_;
  TileSums<kMaxGroups> sums_[kMaxPasses];
  TileSums<1> last_sums_;  // of a group that is left over
};

template <typename Format>
void multiply(const void* blocks, int64_t rows, int64_t k, const void* prepared, int64_t m,
              const Output& output) {
  const Weights<Format> weights(blocks, rows, k);
  const Inputs<Format> x = {static_cast<const InputsUnit<Format::kStorage>*>(prepared),
                            input_groups_of(m)};
  fetch_ahead(weights.row(0), kFeatures * weights.stride());
  for (int64_t first = 0; first < rows; first += kFeatures) {
    Tile<Format> tile(weights, first, x);
    tile.multiply();
    tile.put(m, first, output);
  }
}

}  // namespace

void few_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                   const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate) {
  const Output output = {y, ldy, accumulate};
  with_format(storage, [&](auto format) {
    multiply<decltype(format)>(weights, rows, k, prepared, m, output);
  });
}

}  // namespace owl3::cpu::OWL3_ISA

#endif
