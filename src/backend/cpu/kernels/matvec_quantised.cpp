// Products of a few rows of x in int8 with weights in blocks, which are read once from memory.
//
// Up to a handful of rows of x: the bytes of a row of weights are vectors along k, in registers
// from memory to product; sums of units of 4 rows are put side by side, so that the operations on
// floats are 16 to a vector. More: the bytes of a few rows of weights are unpacked into the L1
// cache, each 4 of them are broadcast, and the rows of x are the lanes: no sum over lanes, and
// scales are vectors as they are. The operations on floats are the same (quantised_input.h).
#include "backend/cpu/kernels/ahead.h"
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/quantised_weights.h"

namespace owl3::cpu::OWL3_ISA {

#if defined(__AVX2__)

namespace {

// --- Up to a handful of rows of x

template <typename Format, int kInputs>
[[gnu::always_inline]] inline void add_span(const FourRows& w, const PreparedSpan* x,
                                            int64_t x_stride, Vec (&sums)[kInputs]) {
  typename Format::Factors factors;
  Format::factors(w, factors);
#pragma GCC unroll 16
  for (int64_t set = 0; set < Format::kSets; ++set) {
    IVec bytes[kRowsTogether][Format::kSteps];
#pragma GCC unroll 4
    for (int64_t n = 0; n < kRowsTogether; ++n) {
#pragma GCC unroll 2
      for (int64_t i = 0; i < Format::kSteps; ++i) bytes[n][i] = Format::bytes(w.rows[n], set, i);
    }
#pragma GCC unroll 8
    for (int64_t r = 0; r < kInputs; ++r) {
      const PreparedSpan& input = x[r * x_stride];
      IVec values[Format::kSteps];
#pragma GCC unroll 2
      for (int64_t i = 0; i < Format::kSteps; ++i) {
        values[i] = load(reinterpret_cast<const int32_t*>(
            input.values + (set * Format::kSteps + i) * int64_t{sizeof(IVec)}));
      }
      IVec dots[kRowsTogether];
#pragma GCC unroll 4
      for (int64_t n = 0; n < kRowsTogether; ++n) {
        dots[n] = IVec{};
#pragma GCC unroll 2
        for (int64_t i = 0; i < Format::kSteps; ++i) {
          dots[n] = dot<Format>(dots[n], bytes[n][i], values[i]);
        }
      }
      IVec sum = sum_parts(dots[0], dots[1], dots[2], dots[3]);
      if constexpr (Format::kOffset != 0) sum += spread_to_parts(input.starts + set * kParts);
      const Vec scaled = __builtin_convertvector(sum, Vec) * factors.scales[set];
      sums[r] = multiply_add(scaled, spread_to_parts(input.factors + set * kParts), sums[r]);
      if constexpr (Format::kMinima) {
        sums[r] =
            multiply_add(factors.minima[set], spread_to_parts(input.sums + set * kParts), sums[r]);
      }
    }
  }
}

/// Adds the chains, one in each part, of 4 rows of weights.
inline void add_chains(Vec sums, float (&out)[kRowsTogether]) {
  float chains[kParts][kRowsTogether];
  store(chains[0], sums);
  for (int64_t n = 0; n < kRowsTogether; ++n) {
    out[n] = chains[0][n] + chains[1][n];
    if constexpr (kParts == 4) out[n] += chains[2][n] + chains[3][n];
  }
}

/// 4 rows of weights, `step` apart.
template <typename Format, int kInputs>
void multiply_four(const Weights<Format>& weights, int64_t first, int64_t step,
                   const PreparedSpan* x, const Output& output) {
  const int64_t spans = weights.spans();
  Vec sums[kInputs] = {};
  FourRows w = weights.four(first, step, 0);
  int64_t span = 0;
  for (; span < spans && weights.is_whole(span); ++span) {
    add_span<Format, kInputs>(w, x + span, spans, sums);
    for (const std::byte*& row : w.rows) row += Weights<Format>::kSpanBytes;
  }
  if (span < spans) {
    std::byte copy[kRowsTogether * Weights<Format>::kSpanBytes];
    add_span<Format, kInputs>(weights.copied(w, copy), x + span, spans, sums);
  }
  for (int64_t r = 0; r < kInputs; ++r) {
    float y[kRowsTogether];
    add_chains(sums[r], y);
    for (int64_t n = 0; n < kRowsTogether; ++n) {
      if (first + n * step < weights.rows()) output.put(r, first + n * step, y[n]);
    }
  }
}

// Rows that are taken together lie far apart: each is then a stream of its own to the hardware's
// prefetcher, which goes on in the next row. Neighbours, shorter than a page, would confuse it.
template <typename Format, int kInputs>
void multiply_single_rows(const Weights<Format>& weights, const PreparedSpan* x,
                          const Output& output) {
  const int64_t step = weights.rows() / kRowsTogether;
  for (int64_t n = 0; n < step; ++n) {
    multiply_four<Format, kInputs>(weights, n, step, x, output);
  }
  if (step * kRowsTogether < weights.rows()) {
    multiply_four<Format, kInputs>(weights, step * kRowsTogether, 1, x, output);
  }
}

/// The same with 1 to max_single_rows rows of x.
template <typename Format, int kInputs = int{max_single_rows(Format::kStorage)}>
void multiply_some(const Weights<Format>& weights, const PreparedSpan* x, int64_t m,
                   const Output& output) {
  if constexpr (kInputs > 1) {
    if (m < kInputs) return multiply_some<Format, kInputs - 1>(weights, x, m, output);
  }
  multiply_single_rows<Format, kInputs>(weights, x, output);
}

// --- Tiles of rows of x

constexpr int64_t kVectors = kRegisters == 32 ? 8 : 4;  // of sums, for a tile
constexpr int64_t kFeatures = kVectors * kShare;
constexpr int64_t kFours = kFeatures / kRowsTogether;
constexpr int64_t kPairs = kFeatures / 2;
constexpr int64_t kStretchSpans = 1;  // unpacked at a time, to stay in the L1 cache beside x

/// A stretch of kFeatures rows of weights. The bytes of two rows lie alternately, 4 of each, so
/// that they can be broadcast singly or together.
template <typename Format>
struct Unpacked {
  IVec bytes[kStretchSpans][kPairs][Format::kSets][Format::kSteps][2];
  typename Format::Factors factors[kStretchSpans][kFours];

  /// Values 16 step + 4 j onward of a unit of feature `feature`; the next feature's lie behind.
  const std::byte* at(int64_t span, int64_t feature, int64_t set, int64_t part, int64_t step,
                      int64_t j) const {
    return reinterpret_cast<const std::byte*>(&bytes[span][feature / 2][set][step][j / 2]) +
           16 * part + 8 * (j % 2) + 4 * (feature % 2);
  }
  const float* scales(int64_t span, int64_t unit, int64_t feature) const {
    return of(factors[span][feature / kRowsTogether].scales, unit, feature);
  }
  const float* minima(int64_t span, int64_t unit, int64_t feature) const {
    return of(factors[span][feature / kRowsTogether].minima, unit, feature);
  }

 private:
  static const float* of(const Vec* values, int64_t unit, int64_t feature) {
    return reinterpret_cast<const float*>(values) + unit * kRowsTogether + feature % kRowsTogether;
  }
};

template <typename Format>
[[gnu::always_inline]] inline void unpack_span(const FourRows& w, int64_t span, int64_t four,
                                               Unpacked<Format>& to) {
  Format::factors(w, to.factors[span][four]);
#pragma GCC unroll 2
  for (int64_t pair = 0; pair < 2; ++pair) {
    auto& bytes = to.bytes[span][2 * four + pair];
#pragma GCC unroll 16
    for (int64_t set = 0; set < Format::kSets; ++set) {
#pragma GCC unroll 2
      for (int64_t i = 0; i < Format::kSteps; ++i) {
        alternate(Format::bytes(w.rows[2 * pair], set, i),
                  Format::bytes(w.rows[2 * pair + 1], set, i), bytes[set][i]);
      }
    }
  }
}

template <typename Format>
void unpack(const Weights<Format>& weights, int64_t first, int64_t first_span, int64_t spans,
            Unpacked<Format>& to) {
  for (int64_t four = 0; four < kFours; ++four) {
    for (int64_t span = 0; span < spans; ++span) {
      const FourRows w = weights.four(first + four * kRowsTogether, 1, first_span + span);
      if (weights.is_whole(first_span + span)) {
        unpack_span(w, span, four, to);
      } else {
        std::byte copy[kRowsTogether * Weights<Format>::kSpanBytes];
        unpack_span(weights.copied(w, copy), span, four, to);
      }
    }
  }
}

/// What lies at p of kShare features, in the lanes of every row of x.
inline IVec broadcast_bytes(const std::byte* p) {
  if constexpr (kShare == 2) return broadcast_two(p);
  int32_t bytes;
  __builtin_memcpy(&bytes, p, 4);
  return IVec{} + bytes;
}
inline Vec broadcast_factors(const float* p) {
  if constexpr (kShare == 2) return reinterpret_cast<Vec>(broadcast_two(p));
  return broadcast(*p);
}

/// Adds a unit to its chain: of kTiles tiles of x, x_stride spans apart.
template <typename Format, int kTiles>
[[gnu::always_inline]] inline void add_unit(const Unpacked<Format>& w, int64_t span, int64_t set,
                                            int64_t part, const PreparedTileSpan* x,
                                            int64_t x_stride, Vec (&sums)[kTiles][kVectors]) {
  const int64_t unit = set * kParts + part;
  IVec dots[kTiles][kVectors];
#pragma GCC unroll 2
  for (int t = 0; t < kTiles; ++t) {
    const IVec start = Format::kOffset != 0 ? load(x[t * x_stride].starts[unit]) : IVec{};
#pragma GCC unroll 8
    for (int64_t v = 0; v < kVectors; ++v) dots[t][v] = start;
  }
#pragma GCC unroll 2
  for (int64_t i = 0; i < Format::kSteps; ++i) {
#pragma GCC unroll 4
    for (int64_t j = 0; j < 4; ++j) {
      IVec values[kTiles];
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) {
        values[t] = load(x[t * x_stride].values[(unit * Format::kSteps + i) * 4 + j]);
      }
#pragma GCC unroll 8
      for (int64_t v = 0; v < kVectors; ++v) {
        const IVec bytes = broadcast_bytes(w.at(span, v * kShare, set, part, i, j));
#pragma GCC unroll 2
        for (int t = 0; t < kTiles; ++t) dots[t][v] = dot<Format>(dots[t][v], bytes, values[t]);
      }
    }
  }
#pragma GCC unroll 2
  for (int t = 0; t < kTiles; ++t) {
    const Vec factors = load(x[t * x_stride].factors[unit]);
#pragma GCC unroll 8
    for (int64_t v = 0; v < kVectors; ++v) {
      const int64_t feature = v * kShare;
      const Vec scaled = __builtin_convertvector(dots[t][v], Vec) *
                         broadcast_factors(w.scales(span, unit, feature));
      sums[t][v] = multiply_add(scaled, factors, sums[t][v]);
      if constexpr (Format::kMinima) {
        sums[t][v] = multiply_add(broadcast_factors(w.minima(span, unit, feature)),
                                  load(x[t * x_stride].sums[unit]), sums[t][v]);
      }
    }
  }
}

/// The sums so far of a tile of rows of x, in chains.
struct TileSums {
  Vec chains[kParts][kVectors];
};

template <typename Format, int kTiles>
void add_stretch(const Unpacked<Format>& w, int64_t spans, const PreparedTileSpan* x,
                 int64_t x_stride, TileSums* tiles, Ahead& ahead) {
  for (int64_t part = 0; part < kParts; ++part) {
    Vec sums[kTiles][kVectors];
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 8
      for (int64_t v = 0; v < kVectors; ++v) sums[t][v] = tiles[t].chains[part][v];
    }
    for (int64_t span = 0; span < spans; ++span) {
      for (int64_t set = 0; set < Format::kSets; ++set) {
        ahead.fetch();
        add_unit<Format, kTiles>(w, span, set, part, x + span, x_stride, sums);
      }
    }
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 8
      for (int64_t v = 0; v < kVectors; ++v) tiles[t].chains[part][v] = sums[t][v];
    }
  }
}

/// Of rows first_row.. of x and features first...
void put_tile(const TileSums& sums, int64_t rows, int64_t first_row, int64_t first,
              int64_t features, const Output& output) {
  float y[kVectors * kWidth];  // lanes of vectors
  for (int64_t i = 0; i < kVectors; ++i) {
    const auto& chains = sums.chains;
    Vec sum = chains[0][i] + chains[1][i];
    if constexpr (kParts == 4) sum += chains[2][i] + chains[3][i];
    store(y + i * kWidth, sum);
  }
  for (int64_t r = 0; r < rows; ++r) {
    float row[kFeatures];
#pragma GCC unroll 16
    for (int64_t f = 0; f < kFeatures; ++f) {
      row[f] = y[f / kShare * kWidth + r * kShare + f % kShare];
    }
    output.put_row(first_row + r, first, row, features);
  }
}

/// kFeatures rows of weights with m <= kFewRows rows of x.
template <typename Format>
void multiply_features(const Weights<Format>& weights, int64_t first, const PreparedTileSpan* x,
                       int64_t m, const Output& output) {
  const int64_t spans = weights.spans();
  const int64_t rest = weights.rows() - first;
  const int64_t features = rest < kFeatures ? rest : kFeatures;
  const int64_t tiles = tiles_of(m);
  TileSums sums[kFewRows / kTileRows];
  __builtin_memset(static_cast<void*>(sums), 0, static_cast<size_t>(tiles) * sizeof sums[0]);
  Unpacked<Format> unpacked;
  // The next features' bytes come while these are multiplied, evenly: fetched all at once, when
  // these are unpacked, they would leave the memory idle for the rest of the time.
  constexpr int64_t kTogether = kRegisters == 32 ? 2 : 1;  // tiles
  const int64_t passes = (tiles + kTogether - 1) / kTogether;
  const int64_t unit_bytes = kFeatures * Weights<Format>::kSpanBytes / Format::kUnits;
  Ahead ahead = {weights.row(first + kFeatures), unit_bytes / passes};
  for (int64_t span = 0; span < spans; span += kStretchSpans) {
    const int64_t count = spans - span < kStretchSpans ? spans - span : kStretchSpans;
    unpack(weights, first, span, count, unpacked);
    int64_t tile = 0;
    for (; tile + kTogether <= tiles; tile += kTogether) {
      add_stretch<Format, kTogether>(unpacked, count, x + tile * spans + span, spans, sums + tile,
                                     ahead);
    }
    if constexpr (kTogether > 1) {
      if (tile < tiles) {
        add_stretch<Format, 1>(unpacked, count, x + tile * spans + span, spans, sums + tile, ahead);
      }
    }
  }
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t rows = m - tile * kTileRows < kTileRows ? m - tile * kTileRows : kTileRows;
    put_tile(sums[tile], rows, tile * kTileRows, first, features, output);
  }
}

template <typename Format>
void multiply_tiles(const Weights<Format>& weights, const PreparedTileSpan* x, int64_t m,
                    const Output& output) {
  for (int64_t first = 0; first < weights.rows(); first += kFeatures) {
    multiply_features(weights, first, x, m, output);
  }
}

template <typename Format>
void multiply(const void* blocks, int64_t rows, int64_t k, const void* x, int64_t m,
              const Output& output) {
  const Weights<Format> weights(blocks, rows, k);
  if (m <= max_single_rows(Format::kStorage)) {
    multiply_some<Format>(weights, static_cast<const PreparedSpan*>(x), m, output);
  } else {
    multiply_tiles(weights, static_cast<const PreparedTileSpan*>(x), m, output);
  }
}

}  // namespace

void matvec_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                      const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate) {
  const Output output = {y, ldy, accumulate};
  switch (storage) {
    case Storage::kQ8_0:
      return multiply<Q8_0>(weights, rows, k, prepared, m, output);
    case Storage::kQ4_0:
      return multiply<Q4_0>(weights, rows, k, prepared, m, output);
    case Storage::kQ4_K:
      return multiply<Q4_K>(weights, rows, k, prepared, m, output);
    case Storage::kQ6_K:
      return multiply<Q6_K>(weights, rows, k, prepared, m, output);
    default:
      return;
  }
}

#else

// Without int8 dot products: weights are expanded to float32 span by span.

namespace {

constexpr int64_t kSpan = 256;

int64_t bytes_of_span(Storage storage) {
  switch (storage) {
    case Storage::kQ8_0:
      return 8 * int64_t{sizeof(BlockQ8_0)};
    case Storage::kQ4_0:
      return 8 * int64_t{sizeof(BlockQ4_0)};
    case Storage::kQ4_K:
      return sizeof(BlockQ4_K);
    default:
      return sizeof(BlockQ6_K);
  }
}

}  // namespace

void matvec_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                      const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate) {
  const auto* x = static_cast<const float*>(prepared);
  const int64_t row_bytes = bytes_of_span(storage) * (k / 32) / 8;
  for (int64_t n = 0; n < rows; ++n) {
    const auto* row = static_cast<const uint8_t*>(weights) + n * row_bytes;
    Vec sums[kFewRows] = {};
    for (int64_t first = 0; first < k; first += kSpan) {
      const int64_t count = k - first < kSpan ? k - first : kSpan;
      float values[kSpan];
      to_float(storage, row + first / kSpan * bytes_of_span(storage), values, count);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < count; j += kWidth) {  // groups are whole vectors
          sums[i] += load(values + j) * load(x + i * k + first + j);
        }
      }
    }
    for (int64_t i = 0; i < m; ++i) {
      y[i * ldy + n] = sum_of(sums[i]) + (accumulate ? y[i * ldy + n] : 0.0f);
    }
  }
}

#endif

}  // namespace owl3::cpu::OWL3_ISA
