// Products with few rows (decoding): y[i, n] = x[i] . w[n] for 1 to kFewRows rows x.
//
// Each weight is read once from memory. A tile of 4 rows of weights meets up to 8 rows of x, a
// group. Of more groups, each stays in the L1 cache while it meets several tiles, which stay in the
// L2 cache for the next one; where all groups fit into L1, or one is too long for it, both are cut
// into blocks that stay there. So memory bandwidth is the bound, as long as arithmetic keeps up. A
// result is the sum over the lanes of one accumulator, whatever tile it is part of: the same bits
// for any number of rows.
//
// A file's weights lie where they lie, and loads that cross cache lines cost a quarter of the speed
// of 8 rows. So rows in bf16 are read from the line on in which they begin. That turns the lanes of
// sums, and halves of a turned vector, added, are those of the other one, turned: lanes add up to
// the same bits as of a row read from its beginning.
#include <algorithm>

#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

// Rows of weights and of x in a tile, whose accumulators and operands fit in registers.
constexpr int kTileInputs = kRegisters == 32 ? 8 : 2;
constexpr int tile_weights(int64_t inputs) {
  return inputs <= 6 ? 4 : 3;
}
constexpr int64_t kBytesAhead = 9 << 10;  // of all rows of weights of a tile together
constexpr int64_t kTilesTogether = 16;    // of whole rows, while a group of rows of x stays in L1
constexpr int64_t kBlock = 512;           // values of a block: of 8 rows of x in bf16, 8 KB

/// The groups of even sizes in which rows of x meet a tile of weights.
struct Groups {
  explicit Groups(int64_t m)
      : rows(m), count((m + kTileInputs - 1) / kTileInputs), least(m / count), larger(m % count) {}

  int64_t rows, count;
  int64_t least, larger;  // rows of a group, and how many of the first groups have one more

  int64_t size(int64_t group) const { return least + (group < larger ? 1 : 0); }
};

/// Values first.. last - 1 of a step.
struct StepPart {
  int64_t first, last;
};

/// Stored weights as floats, with float x.
template <typename Stored>
struct Floats {
  typedef typename Stored::Element Weight;
  typedef float Input;
  typedef Vec Operand;
  static constexpr int64_t kStep = kWidth;
  static constexpr int64_t kStepBytes = kStep * int64_t{sizeof(Weight)};

  static Vec weights(const Weight* p) { return Stored::vec(p); }
  static Vec inputs(const float* p) { return load(p); }
  static Vec weights(const Weight* p, StepPart part) {
    Weight copy[kStep] = {};
    for (int64_t i = part.first; i < part.last; ++i) copy[i] = p[i];
    return weights(copy);
  }
  static Vec inputs(const float* p, StepPart part) {
    float copy[kStep] = {};
    for (int64_t i = part.first; i < part.last; ++i) copy[i] = p[i];
    return inputs(copy);
  }
  static void add_product(Vec& sum, Vec w, Vec x) { sum += w * x; }

  static int64_t lead(const Weight*, int64_t) { return 0; }
};

#if defined(__AVX512BF16__)
/// Both in bf16, a pair of products to a lane.
struct Pairs {
  typedef uint16_t Weight;
  typedef uint16_t Input;
  typedef __m512i Operand;
  static constexpr int64_t kStep = 2 * kWidth;
  static constexpr int64_t kStepBytes = 64;

  static __m512i weights(const uint16_t* p) { return _mm512_loadu_si512(p); }
  static __m512i inputs(const uint16_t* p) { return _mm512_loadu_si512(p); }
  static __m512i weights(const uint16_t* p, StepPart part) {
    const __mmask32 wanted = ~__mmask32{0} >> (kStep - part.last) & ~__mmask32{0} << part.first;
    return _mm512_maskz_loadu_epi16(wanted, p);
  }
  static __m512i inputs(const uint16_t* p, StepPart part) { return weights(p, part); }
  static void add_product(Vec& sum, __m512i w, __m512i x) {
    sum = _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }

  /// How many values before each row its cache line begins; 0 where rows differ in that, or pairs
  /// would be other ones.
  static int64_t lead(const uint16_t* w, int64_t ldw) {
    const auto bytes = static_cast<int64_t>(reinterpret_cast<uintptr_t>(w) % kStepBytes);
    return ldw % kStep == 0 && bytes % 4 == 0 ? bytes / 2 : 0;
  }
};
#endif

/// The rows of x that meet a tile, and where their results go.
template <typename Type>
struct Inputs {
  const typename Type::Input* x;
  int64_t ldx;
  float* y;
  int64_t ldy;
  bool accumulate;

  Inputs from(int64_t row) const { return {x + row * ldx, ldx, y + row * ldy, ldy, accumulate}; }
};

/// What is multiplied at a time of rows of weights and of x: values `first` to `last` - 1 of the k
/// that there are. `first` lies `lead` before the row in its first block.
struct Block {
  int64_t first, last, k, lead;

  bool begins() const { return first <= 0; }
  bool ends() const { return last == k; }
};

/// What a tile fetches into the L1 cache while it is being multiplied: bytes behind where it begins
/// to read each of its rows of weights, and how much farther with every step.
struct Ahead {
  int64_t offset, step;
};

/// Adds the products of a step, or of those values of it that `part` says.
template <typename Type, int kWeights, int kRows, typename... Part>
inline void add_step(const typename Type::Weight* w, int64_t weight_stride,
                     const typename Type::Input* x, int64_t ldx, Vec (&sums)[kRows][kWeights],
                     Part... part) {
  typename Type::Operand weights[kWeights];
#pragma GCC unroll 8
  for (int n = 0; n < kWeights; ++n) weights[n] = Type::weights(w + n * weight_stride, part...);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const typename Type::Operand input = Type::inputs(x + r * ldx, part...);
#pragma GCC unroll 8
    for (int n = 0; n < kWeights; ++n) Type::add_product(sums[r][n], weights[n], input);
  }
}

/// A block of kWeights rows of weights, `row_step` rows apart, with kRows rows of x. `kept` holds
/// the sums from one block of the rows to the next.
template <typename Type, int kWeights, int kRows>
[[gnu::always_inline]] inline void dot_tile(const typename Type::Weight* w, int64_t ldw,
                                            int64_t row_step, const Block& block,
                                            const Inputs<Type>& inputs, Vec* kept, Ahead ahead) {
  const int64_t weight_stride = row_step * ldw;
  const int64_t stride_bytes = weight_stride * int64_t{sizeof(typename Type::Weight)};
  Vec sums[kRows][kWeights] = {};
  if (!block.begins()) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int n = 0; n < kWeights; ++n) sums[r][n] = kept[r * kWeights + n];
    }
  }
  int64_t i = block.first;
  if (i < 0) {
    const int64_t last = block.lead + block.k;
    add_step<Type, kWeights, kRows>(w + i, weight_stride, inputs.x + i, inputs.ldx, sums,
                                    StepPart{block.lead, last < Type::kStep ? last : Type::kStep});
    i += Type::kStep;
  }
  const char* next = reinterpret_cast<const char*>(w + block.first) + ahead.offset;
  for (; i + Type::kStep <= block.last; i += Type::kStep) {
    if constexpr (kRows > 2) {  // of fewer the processor sees far enough ahead
#pragma GCC unroll 8
      for (int n = 0; n < kWeights; ++n) __builtin_prefetch(next + n * stride_bytes, 0, 0);
      next += ahead.step;
    }
    add_step<Type, kWeights, kRows>(w + i, weight_stride, inputs.x + i, inputs.ldx, sums);
  }
  if (i < block.last) {
    add_step<Type, kWeights, kRows>(w + i, weight_stride, inputs.x + i, inputs.ldx, sums,
                                    StepPart{0, block.last - i});
  }
  if (!block.ends()) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int n = 0; n < kWeights; ++n) kept[r * kWeights + n] = sums[r][n];
    }
    return;
  }
  float results[(kRows * kWeights + 3) / 4 * 4];
  sums_of<kRows * kWeights>(&sums[0][0], results);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* y = inputs.y + r * inputs.ldy;
#pragma GCC unroll 8
    for (int n = 0; n < kWeights; ++n) {
      y[n * row_step] = results[r * kWeights + n] + (inputs.accumulate ? y[n * row_step] : 0.0f);
    }
  }
}

/// The same with 1 to kTileInputs rows of x.
template <typename Type, int kWeights, int kRows = kTileInputs>
void dot_some(const typename Type::Weight* w, int64_t ldw, int64_t row_step, const Block& block,
              const Inputs<Type>& inputs, int64_t rows, Vec* kept, Ahead ahead) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      return dot_some<Type, kWeights, kRows - 1>(w, ldw, row_step, block, inputs, rows, kept,
                                                 ahead);
    }
  }
  if constexpr (kWeights <= tile_weights(kRows)) {
    dot_tile<Type, kWeights, kRows>(w, ldw, row_step, block, inputs, kept, ahead);
  }
}

/// A block of one tile of weights with all rows of x. Of more groups, each fetches its share of
/// what comes `distance` bytes later, so that memory is busy throughout.
template <typename Type, int kWeights>
void dot_all(const typename Type::Weight* w, int64_t ldw, int64_t row_step, const Block& block,
             Inputs<Type> inputs, const Groups& groups, Vec* kept, int64_t distance) {
  Ahead ahead = {distance, Type::kStepBytes / groups.count};
  const int64_t steps = (block.last - block.first) / Type::kStep;
  for (int64_t group = 0; group < groups.count; ++group) {
    const int64_t rows = groups.size(group);
    dot_some<Type, kWeights>(w, ldw, row_step, block, inputs, rows, kept, ahead);
    inputs = inputs.from(rows);
    if (kept != nullptr) kept += rows * kWeights;
    ahead.offset += steps * ahead.step;
  }
}

/// All of k for `tiles` tiles, each a row behind the one before it.
template <typename Type, int kWeights>
void dot_whole_rows(const typename Type::Weight* w, int64_t ldw, int64_t row_step, int64_t tiles,
                    int64_t k, Inputs<Type> inputs, const Groups& groups) {
  const int64_t lead = Type::lead(w, ldw);
  for (int64_t n = 0; n < tiles; ++n, ++inputs.y) {
    dot_all<Type, kWeights>(w + n * ldw, ldw, row_step, {-lead, k, k, lead}, inputs, groups,
                            nullptr, kBytesAhead / kWeights);
  }
}

/// The same with more groups, each of which fits into the L1 cache: it meets several tiles, which
/// wait in the L2 cache for the next group.
template <typename Type, int kWeights>
void dot_by_groups(const typename Type::Weight* w, int64_t ldw, int64_t row_step, int64_t tiles,
                   int64_t k, const Inputs<Type>& inputs, const Groups& groups) {
  const int64_t lead = Type::lead(w, ldw);
  const int64_t steps = (lead + k) / Type::kStep;
  for (int64_t first = 0; first < tiles; first += kTilesTogether) {
    const int64_t count = std::min(kTilesTogether, tiles - first);
    // Of the tiles behind these, each group fetches its share.
    Ahead ahead = {count * ldw * int64_t{sizeof(typename Type::Weight)},
                   Type::kStepBytes / groups.count};
    Inputs<Type> of_group = inputs;
    of_group.y += first;
    for (int64_t group = 0; group < groups.count; ++group) {
      const int64_t rows = groups.size(group);
      Inputs<Type> of_tile = of_group;
      for (int64_t n = first; n < first + count; ++n, ++of_tile.y) {
        dot_some<Type, kWeights>(w + n * ldw, ldw, row_step, {-lead, k, k, lead}, of_tile, rows,
                                 nullptr, ahead);
      }
      of_group = of_group.from(rows);
      ahead.offset += steps * ahead.step;
    }
  }
}

/// The same where the rows of x, or those of a tile for its next group, would have to come from the
/// L2 cache: a block of x, which stays in the first one, meets several tiles before the next one
/// does. A tile fetches what the third behind it will read.
template <typename Type, int kWeights>
void dot_by_blocks(const typename Type::Weight* w, int64_t ldw, int64_t row_step, int64_t tiles,
                   int64_t k, const Inputs<Type>& inputs, const Groups& groups) {
  constexpr int64_t kTilesAhead = 3;
  constexpr int64_t kKeptSums = 768;  // of all tiles, 48 KB of the L2 cache
  static_assert(kKeptSums >= kFewRows * kWeights);
  const int64_t lead = Type::lead(w, ldw);
  const int64_t together = kKeptSums / (groups.rows * kWeights);
  Vec kept[kKeptSums];
  for (int64_t first_tile = 0; first_tile < tiles; first_tile += together) {
    const int64_t count = std::min(together, tiles - first_tile);
    for (int64_t first = -lead; first < k; first += kBlock) {
      const Block block = {first, std::min(first + kBlock, k), k, lead};
      for (int64_t t = 0; t < count; ++t) {
        const int64_t n = first_tile + t;
        // Behind the last tile come the next block's or, behind the last block, the next tiles'.
        int64_t ahead = kTilesAhead * ldw;
        if (t + kTilesAhead >= count) {
          ahead = block.ends() ? ahead - lead - first : ahead + block.last - first - count * ldw;
        }
        Inputs<Type> of_tile = inputs;
        of_tile.y += n;
        dot_all<Type, kWeights>(w + n * ldw, ldw, row_step, block, of_tile, groups,
                                kept + t * groups.rows * kWeights,
                                ahead * int64_t{sizeof(typename Type::Weight)});
      }
    }
  }
}

// The rows of a tile lie far apart: each is then a stream of its own to the hardware's prefetcher,
// which goes on in the next row.
template <typename Type, int kWeights>
void matvec_by_tiles(const typename Type::Weight* w, int64_t ldw, int64_t rows, int64_t k,
                     const Inputs<Type>& inputs, const Groups& groups) {
  constexpr int64_t kMostInputBytes = 112 << 10;  // of one group, from which on blocks are faster
  constexpr int64_t kMostShared = 40 << 10;       // of all groups, that stay in the L1 cache
  constexpr int64_t kMostGroupBytes = 28 << 10;   // of one, that does beside the weights
  const int64_t row_bytes = k * int64_t{sizeof(typename Type::Input)};
  const int64_t tiles = rows / kWeights;
  const int64_t rest = tiles * kWeights;
  if (groups.count == 1 && groups.rows * row_bytes <= kMostInputBytes) {
    dot_whole_rows<Type, kWeights>(w, ldw, tiles, tiles, k, inputs, groups);
  } else if (groups.rows * row_bytes > kMostShared &&
             groups.size(0) * row_bytes <= kMostGroupBytes) {
    dot_by_groups<Type, kWeights>(w, ldw, tiles, tiles, k, inputs, groups);
  } else {
    dot_by_blocks<Type, kWeights>(w, ldw, tiles, tiles, k, inputs, groups);
  }
  Inputs<Type> of_rest = inputs;
  of_rest.y += rest;
  dot_whole_rows<Type, 1>(w + rest * ldw, ldw, 0, rows - rest, k, of_rest, groups);
}

template <typename Type>
void matvec_of(const void* weights, int64_t ldw, int64_t rows, int64_t k,
               const Inputs<Type>& inputs, int64_t m) {
  const auto* w = static_cast<const typename Type::Weight*>(weights);
  const Groups groups(m);
  if (tile_weights(groups.size(0)) == 4) {
    matvec_by_tiles<Type, 4>(w, ldw, rows, k, inputs, groups);
  } else {
    matvec_by_tiles<Type, 3>(w, ldw, rows, k, inputs, groups);
  }
}

}  // namespace

void matvec(Storage storage, const void* weights, int64_t ldw, int64_t rows, int64_t k,
            const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy, bool accumulate) {
  switch (storage) {
    case Storage::kF32:
      return matvec_of<Floats<F32>>(weights, ldw, rows, k, {x, ldx, y, ldy, accumulate}, m);
    case Storage::kF16:
      return matvec_of<Floats<F16>>(weights, ldw, rows, k, {x, ldx, y, ldy, accumulate}, m);
    case Storage::kBF16:
      return matvec_of<Floats<BF16>>(weights, ldw, rows, k, {x, ldx, y, ldy, accumulate}, m);
    default:
      return;  // blocks go through matvec_quantised
  }
}

#if defined(__AVX512BF16__)
void matvec_bf16(const uint16_t* weights, int64_t ldw, int64_t rows, int64_t k, const uint16_t* x,
                 int64_t ldx, int64_t m, float* y, int64_t ldy, bool accumulate) {
  matvec_of<Pairs>(weights, ldw, rows, k, {x, ldx, y, ldy, accumulate}, m);
}
#endif

}  // namespace owl3::cpu::OWL3_ISA
