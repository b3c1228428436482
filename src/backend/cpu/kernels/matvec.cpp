// Products with few rows (decoding): y[i, n] = x[i] . w[n] for 1 to kFewRows rows x.
//
// Each weight is read once from memory, in order: a tile of 4 rows of weights stays in the L1 cache
// while groups of rows of x pass over it. So memory bandwidth is the bound, as long as arithmetic
// keeps up. A result is the sum over the lanes of one accumulator, whatever tile it is part of: the
// same bits for any number of rows.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

// Rows of weights and of x in a tile, whose accumulators and operands fit in registers.
constexpr int kTileInputs = kRegisters == 32 ? 8 : 2;
constexpr int tile_weights(int64_t inputs) {
  return inputs <= 6 ? 4 : 3;
}
constexpr int64_t kBytesAhead = 2048;

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
  static void add_product(Vec& sum, Vec w, Vec x) { sum += w * x; }
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
  static void add_product(Vec& sum, __m512i w, __m512i x) {
    sum = _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
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

template <typename Type, int kWeights, int kRows>
inline void add_step(const typename Type::Weight* w, int64_t weight_stride,
                     const typename Type::Input* x, int64_t ldx, Vec (&sums)[kRows][kWeights]) {
  typename Type::Operand weights[kWeights];
#pragma GCC unroll 8
  for (int n = 0; n < kWeights; ++n) weights[n] = Type::weights(w + n * weight_stride);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const typename Type::Operand input = Type::inputs(x + r * ldx);
#pragma GCC unroll 8
    for (int n = 0; n < kWeights; ++n) Type::add_product(sums[r][n], weights[n], input);
  }
}

/// The last part of a step, of both with zeros behind it.
template <typename Type, int kWeights, int kRows>
inline void add_rest(const typename Type::Weight* w, int64_t weight_stride,
                     const typename Type::Input* x, int64_t ldx, int64_t count,
                     Vec (&sums)[kRows][kWeights]) {
  typename Type::Weight weights[kWeights * Type::kStep] = {};
  typename Type::Input inputs[kRows * Type::kStep] = {};
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t n = 0; n < kWeights; ++n) weights[n * Type::kStep + i] = w[n * weight_stride + i];
    for (int64_t r = 0; r < kRows; ++r) inputs[r * Type::kStep + i] = x[r * ldx + i];
  }
  add_step<Type, kWeights, kRows>(weights, Type::kStep, inputs, Type::kStep, sums);
}

/// kWeights rows of weights, `row_step` rows apart, with kRows rows of x.
template <typename Type, int kWeights, int kRows>
void dot_tile(const typename Type::Weight* w, int64_t ldw, int64_t row_step, int64_t k,
              const Inputs<Type>& inputs, Ahead ahead) {
  const int64_t weight_stride = row_step * ldw;
  Vec sums[kRows][kWeights] = {};
  int64_t i = 0;
  for (; i + Type::kStep <= k; i += Type::kStep) {
    if constexpr (kRows > 1) {
#pragma GCC unroll 8
      for (int n = 0; n < kWeights; ++n) ahead.fetch(w + n * weight_stride);
      ahead.offset += ahead.step;
    }
    add_step<Type, kWeights, kRows>(w + i, weight_stride, inputs.x + i, inputs.ldx, sums);
  }
  if (i < k) {
    add_rest<Type, kWeights, kRows>(w + i, weight_stride, inputs.x + i, inputs.ldx, k - i, sums);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* y = inputs.y + r * inputs.ldy;
#pragma GCC unroll 8
    for (int n = 0; n < kWeights; ++n) {
      const float sum = sum_of(sums[r][n]);
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
    const int64_t start = groups == 1 ? kBytesAhead : row_bytes + row_bytes * group / groups;
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
