// Products of a few rows of x in int8 with weights in blocks: conversations that decode together.
//
// A vector holds the same 16 values of a unit of kParts rows of weights, one to each part of 128
// bits; dealt out within the parts, 4 bytes to all lanes, it meets vectors of x in which lane r of
// every part is row r's. So a lane of a sum belongs to one row of weights and one of x: nothing is
// summed over lanes, and a load of x serves every vector of the tile. Such vectors come from loads
// of 32 bytes of each row, whose halves are exchanged between rows, a set of units ahead. Weights
// are read once for up to 4 kMaxGroups rows of x.
//
// The operations on floats are those of the products with one row (quantised_input.h).
#include "backend/cpu/kernels/ahead.h"
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/quantised_weights.h"

#if defined(__AVX2__)

namespace owl3::cpu::OWL3_ISA {

namespace {

constexpr int64_t kVectorsOfFour = kRowsTogether / kParts;  // that hold 4 rows of weights
constexpr int64_t kMaxGroups = kRegisters == 32 ? 4 : 2;    // of kInputsTogether rows of x

/// A tile's fours of rows of weights: as many as leave all sums in registers, but of q8_0 no more
/// than stay in the L1 cache.
template <typename Format, int64_t kGroups>
constexpr int64_t fours_of_tile() {
  if (kRegisters < 32) return 2 / kGroups;
  return kGroups == 1 && Format::kStorage == Storage::kQ8_0 ? 4 : 8 / kGroups;
}
template <typename Format, int64_t kGroups>
constexpr int64_t kFours = fours_of_tile<Format, kGroups>();
template <typename Format, int64_t kGroups>
constexpr int64_t kVectors = kFours<Format, kGroups>* kVectorsOfFour;
template <typename Format, int64_t kGroups>
constexpr int64_t kFeatures = kFours<Format, kGroups>* kRowsTogether;

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
  static constexpr int64_t kV = kVectors<Format, kGroups>;
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

template <typename Format, int64_t kGroups>
using TileFactors = typename Format::Factors[kFours<Format, kGroups>];
/// What a set of a tile's rows is made of.
template <typename Format, int64_t kGroups>
using TileSet = IVec[kVectors<Format, kGroups>][Format::kFetched];

/// Adds unit `part` of a set to its chain.
template <typename Format, int64_t kGroups>
[[gnu::always_inline]] inline void add_unit(const TileSet<Format, kGroups>& fetched,
                                            const TileFactors<Format, kGroups>& factors,
                                            int64_t set, int64_t part,
                                            const InputsUnit<Format::kStorage>* x,
                                            Vec (&sums)[kVectors<Format, kGroups>][kGroups]) {
  constexpr int64_t kV = kVectors<Format, kGroups>;
  Products<Format, kGroups> products;
  products.begin(x);
#pragma GCC unroll 2
  for (int64_t step = 0; step < Format::kSteps; ++step) {
    IVec w[kV];
#pragma GCC unroll 8
    for (int64_t v = 0; v < kV; ++v) w[v] = Format::bytes_of_rows(fetched[v], set, part, step);
    products.add_step(w, x, step);
  }
#pragma GCC unroll 8
  for (int64_t v = 0; v < kV; ++v) {
    const typename Format::Factors& of = factors[v / kVectorsOfFour];
    const IVec lanes = lanes_of_unit(part, v % kVectorsOfFour);
    const Vec scales = pick(of.scales[set], lanes);
#pragma GCC unroll 4
    for (int64_t g = 0; g < kGroups; ++g) {
      const Vec scaled = __builtin_convertvector(products.dots[v][g], Vec) * scales;
      sums[v][g] = multiply_add(scaled, in_parts(x[g].factors), sums[v][g]);
    }
    if constexpr (Format::kMinima) {
      const Vec minima = pick(of.minima[set], lanes);
#pragma GCC unroll 4
      for (int64_t g = 0; g < kGroups; ++g) {
        sums[v][g] = multiply_add(minima, in_parts(x[g].sums), sums[v][g]);
      }
    }
  }
}

/// The sums so far of a tile, in chains.
template <typename Format, int64_t kGroups>
struct TileSums {
  Vec chains[kParts][kVectors<Format, kGroups>][kGroups];
};

/// A span of a tile's rows, and what is unpacked of it.
template <typename Format, int64_t kGroups>
struct TileSpan {
  RowsSpan rows;
  TileFactors<Format, kGroups> factors;

  void fetch(int64_t v, int64_t set, TileSet<Format, kGroups>& out) const {
    Format::fetch_set(rows.first + v * kParts * rows.stride, rows.stride, set, out[v]);
  }
  void unpack_factors(int64_t four) { Format::factors(rows.four(four), factors[four]); }
};

/// Adds a span, whose first set is fetched. On the way the next set is, and the next span's factors
/// are unpacked: beside the products instead of between them.
template <typename Format, int64_t kGroups>
[[gnu::always_inline]] inline void add_span(const TileSpan<Format, kGroups>& span,
                                            TileSpan<Format, kGroups>& next,
                                            TileSet<Format, kGroups> (&fetched)[2],
                                            const InputsUnit<Format::kStorage>* x, int64_t groups,
                                            TileSums<Format, kGroups>& tile, Ahead& ahead) {
  constexpr int64_t kV = kVectors<Format, kGroups>;
  constexpr int64_t kF = kFours<Format, kGroups>;
  static_assert(Format::kSets % 2 == 0);
#pragma GCC unroll 1
  for (int64_t set = 0; set < Format::kSets; ++set) {
    const bool is_last = set + 1 == Format::kSets;
    const TileSpan<Format, kGroups>& following = is_last ? next : span;
    const int64_t following_set = is_last ? 0 : set + 1;
#pragma GCC unroll 1
    for (int64_t part = 0; part < kParts; ++part) {
      ahead.fetch();
      const int64_t unit = set * kParts + part;
      add_unit<Format, kGroups>(fetched[set % 2], span.factors, set, part, x + unit * groups,
                                tile.chains[part]);
      for (int64_t v = part * kV / kParts; v < (part + 1) * kV / kParts; ++v) {
        following.fetch(v, following_set, fetched[(set + 1) % 2]);
      }
      for (int64_t f = unit * kF / Format::kUnits; f < (unit + 1) * kF / Format::kUnits; ++f) {
        next.unpack_factors(f);
      }
    }
  }
}

/// Features first... of rows first_row.. of x.
template <typename Format, int64_t kGroups>
void put_tile(const TileSums<Format, kGroups>& tile, int64_t first_row, int64_t rows, int64_t first,
              int64_t features, const Output& output) {
  float y[kGroups * kInputsTogether][kFeatures<Format, kGroups>];
  for (int64_t v = 0; v < kVectors<Format, kGroups>; ++v) {
    for (int64_t g = 0; g < kGroups; ++g) {
      Vec sum = tile.chains[0][v][g] + tile.chains[1][v][g];
      if constexpr (kParts == 4) sum += tile.chains[2][v][g] + tile.chains[3][v][g];
      float lanes[kWidth];  // row by row of x
      store(lanes, pick(sum, lanes_by_row()));
      for (int64_t r = 0; r < kInputsTogether; ++r) {
        __builtin_memcpy(&y[g * kInputsTogether + r][v * kParts], lanes + r * kParts, 4 * kParts);
      }
    }
  }
  for (int64_t r = 0; r < rows && r < kGroups * kInputsTogether; ++r) {
    output.put_row(first_row + r, first, y[r], features);
  }
}

/// All rows of weights with groups first_group.. of x.
template <typename Format, int64_t kGroups>
void multiply_groups(const Weights<Format>& weights, const InputsUnit<Format::kStorage>* x,
                     int64_t m, int64_t first_group, const Output& output) {
  constexpr int64_t kTile = kFeatures<Format, kGroups>;
  const int64_t groups = input_groups_of(m);
  const int64_t first_row = first_group * kInputsTogether;
  const int64_t spans = weights.spans();
  fetch_ahead(weights.row(0), kTile * weights.stride());
  for (int64_t first = 0; first < weights.rows(); first += kTile) {
    TileSums<Format, kGroups> tile = {};
    SpansOfRows<Format, kTile> rows(weights, first);
    TileSpan<Format, kGroups> unpacked[2];
    TileSet<Format, kGroups> fetched[2];
    unpacked[0].rows = rows.at(0);
    for (int64_t f = 0; f < kFours<Format, kGroups>; ++f) unpacked[0].unpack_factors(f);
    for (int64_t v = 0; v < kVectors<Format, kGroups>; ++v) unpacked[0].fetch(v, 0, fetched[0]);
    // The next features' bytes come while these are multiplied, evenly.
    Ahead ahead = {weights.row(first + kTile),
                   kTile * Weights<Format>::kSpanBytes / Format::kUnits};
    for (int64_t span = 0; span < spans; ++span) {
      TileSpan<Format, kGroups>& next = unpacked[(span + 1) % 2];
      next.rows = rows.at(span + 1 < spans ? span + 1 : span);
      add_span<Format, kGroups>(unpacked[span % 2], next, fetched,
                                x + span * Format::kUnits * groups + first_group, groups, tile,
                                ahead);
    }
    const int64_t rest = weights.rows() - first;
    put_tile(tile, first_row, m - first_row, first, rest < kTile ? rest : kTile, output);
  }
}

/// The same with as many groups as there are, up to kGroups.
template <typename Format, int64_t kGroups = kMaxGroups>
void multiply_last(const Weights<Format>& weights, const InputsUnit<Format::kStorage>* x, int64_t m,
                   int64_t first_group, const Output& output) {
  if constexpr (kGroups > 1) {
    if (input_groups_of(m) - first_group < kGroups) {
      return multiply_last<Format, kGroups - 1>(weights, x, m, first_group, output);
    }
  }
  multiply_groups<Format, kGroups>(weights, x, m, first_group, output);
}

template <typename Format>
void multiply(const void* blocks, int64_t rows, int64_t k, const void* prepared, int64_t m,
              const Output& output) {
  const Weights<Format> weights(blocks, rows, k);
  const auto* x = static_cast<const InputsUnit<Format::kStorage>*>(prepared);
  for (int64_t group = 0; group < input_groups_of(m); group += kMaxGroups) {
    multiply_last<Format>(weights, x, m, group, output);
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
