// Products with few rows (decoding): y[i, n] = x[i] . w[n] for 1 to kFewRows rows x.
//
// Each weight is read once from memory, in order: a tile of 4 rows of weights stays in the L1 cache
// while groups of rows of x pass over it. So memory bandwidth is the bound, as long as arithmetic
// keeps up. A result is the sum over the lanes of one accumulator, whatever tile it is part of: the
// same bits for any number of rows.
//
// A file's weights lie where they lie, and loads that cross cache lines cost a quarter of the speed
// of 8 rows. So rows in bf16 are read from the line on in which they begin; the lanes of sums are
// then turned back, so that the bits are those of a row read from its beginning.
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
  static Vec turned_back(Vec sum, int64_t) { return sum; }
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
  /// A sum over steps that began so much earlier, lane by lane as without.
  static Vec turned_back(Vec sum, int64_t lead) {
    const IVec lanes =
        IVec{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + static_cast<int32_t>(lead / 2);
    return _mm512_permutexvar_ps(reinterpret_cast<__m512i>(lanes), sum);
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

/// What a tile fetches while it is being multiplied: bytes behind the beginning of each of its rows
/// of weights, and how much farther with every step.
struct Ahead {
  int64_t offset, step;
  bool soon;  // wanted so soon that the L1 cache is the place for it

  void fetch(const void* row) const {
    const char* at = static_cast<const char*>(row) + offset;
    if (soon) {
      __builtin_prefetch(at, 0, 0);
    } else {
      __builtin_prefetch(at, 0, 2);
    }
  }
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

/// kWeights rows of weights, `row_step` rows apart, with kRows rows of x.
template <typename Type, int kWeights, int kRows>
void dot_tile(const typename Type::Weight* w, int64_t ldw, int64_t row_step, int64_t k,
              const Inputs<Type>& inputs, Ahead ahead) {
  const int64_t weight_stride = row_step * ldw;
  const int64_t lead = Type::lead(w, ldw);
  Vec sums[kRows][kWeights] = {};
  int64_t i = -lead;
  if (lead > 0) {
    add_step<Type, kWeights, kRows>(
        w + i, weight_stride, inputs.x + i, inputs.ldx, sums,
        StepPart{lead, lead + k < Type::kStep ? lead + k : Type::kStep});
    i += Type::kStep;
  }
  for (; i + Type::kStep <= k; i += Type::kStep) {
    if constexpr (kRows > 1) {
#pragma GCC unroll 8
      for (int n = 0; n < kWeights; ++n) ahead.fetch(w + n * weight_stride);
      ahead.offset += ahead.step;
    }
    add_step<Type, kWeights, kRows>(w + i, weight_stride, inputs.x + i, inputs.ldx, sums);
  }
  if (i < k) {
    add_step<Type, kWeights, kRows>(w + i, weight_stride, inputs.x + i, inputs.ldx, sums,
                                    StepPart{0, k - i});
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* y = inputs.y + r * inputs.ldy;
#pragma GCC unroll 8
    for (int n = 0; n < kWeights; ++n) {
      const float sum = sum_of(Type::turned_back(sums[r][n], lead));
      y[n * row_step] = sum + (inputs.accumulate ? y[n * row_step] : 0.0f);
    }
  }
}

/// The same with 1 to kTileInputs rows of x.
template <typename Type, int kWeights, int kRows = kTileInputs>
void dot_some(const typename Type::Weight* w, int64_t ldw, int64_t row_step, int64_t k,
              const Inputs<Type>& inputs, int64_t rows, Ahead ahead) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      return dot_some<Type, kWeights, kRows - 1>(w, ldw, row_step, k, inputs, rows, ahead);
    }
  }
  if constexpr (kWeights <= tile_weights(kRows)) {
    dot_tile<Type, kWeights, kRows>(w, ldw, row_step, k, inputs, ahead);
  }
}

/// One tile of weights with all rows of x, in groups of even sizes. Of more groups, each fetches
/// its share of the next rows, so that memory is busy throughout.
template <typename Type, int kWeights>
void dot_all(const typename Type::Weight* w, int64_t ldw, int64_t row_step, int64_t k,
             const Inputs<Type>& inputs, int64_t m) {
  const int64_t groups = (m + kTileInputs - 1) / kTileInputs;
  const int64_t row_bytes = ldw * int64_t{sizeof(typename Type::Weight)};
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t first = m * group / groups;
    const int64_t count = m * (group + 1) / groups - first;
    const int64_t start =
        groups == 1 ? kBytesAhead / kWeights : row_bytes + row_bytes * group / groups;
    dot_some<Type, kWeights>(w, ldw, row_step, k, inputs.from(first), count,
                             {start, Type::kStepBytes / groups, groups == 1});
  }
}

// The rows of a tile lie far apart: each is then a stream of its own to the hardware's prefetcher,
// which goes on in the next row.
template <typename Type, int kWeights>
void matvec_by_tiles(const typename Type::Weight* w, int64_t ldw, int64_t rows, int64_t k,
                     const Inputs<Type>& inputs, int64_t m) {
  const int64_t row_step = rows / kWeights;
  Inputs<Type> part = inputs;
  for (int64_t n = 0; n < row_step; ++n, ++part.y) {
    dot_all<Type, kWeights>(w + n * ldw, ldw, row_step, k, part, m);
  }
  for (int64_t n = row_step * kWeights; n < rows; ++n) {
    part.y = inputs.y + n;
    dot_all<Type, 1>(w + n * ldw, ldw, 0, k, part, m);
  }
}

template <typename Type>
void matvec_of(const void* weights, int64_t ldw, int64_t rows, int64_t k,
               const Inputs<Type>& inputs, int64_t m) {
  const auto* w = static_cast<const typename Type::Weight*>(weights);
  const int64_t groups = (m + kTileInputs - 1) / kTileInputs;
  const int64_t largest_group = (m + groups - 1) / groups;
  if (tile_weights(largest_group) == 4) {
    matvec_by_tiles<Type, 4>(w, ldw, rows, k, inputs, m);
  } else {
    matvec_by_tiles<Type, 3>(w, ldw, rows, k, inputs, m);
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
