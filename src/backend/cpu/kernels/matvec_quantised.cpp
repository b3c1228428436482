// Products of up to four rows of x in int8 with weights in blocks, which are read once from memory:
// the bytes of a row of weights are vectors along k, in registers from memory to product. Sums of
// units of 4 rows are put side by side, so that the operations on floats are 16 to a vector.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/quantised_weights.h"

namespace owl3::cpu::OWL3_ISA {

#if defined(__AVX2__)

namespace {

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

/// Asks for what comes later in 4 rows of weights, as much as a span of them: the processor doesn't
/// see far enough ahead by itself, least where it has just begun.
template <typename Format>
inline void fetch_ahead(const FourRows& w) {
  constexpr int64_t kBytesAhead = 3 << 10;
  for (const std::byte* row : w.rows) {
    for (int64_t i = 0; i < Weights<Format>::kSpanBytes; i += 64) {
      __builtin_prefetch(row + kBytesAhead + i, 0, 0);
    }
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
    fetch_ahead<Format>(w);
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

/// The same with 1 to kMaxSingleRows rows of x.
template <typename Format, int kInputs = kMaxSingleRows>
void multiply_rows(const Weights<Format>& weights, const PreparedSpan* x, int64_t m,
                   const Output& output) {
  if constexpr (kInputs > 1) {
    if (m < kInputs) return multiply_rows<Format, kInputs - 1>(weights, x, m, output);
  }
  multiply_single_rows<Format, kInputs>(weights, x, output);
}

template <typename Format>
void multiply(const void* blocks, int64_t rows, int64_t k, const void* prepared, int64_t m,
              const Output& output) {
  const Weights<Format> weights(blocks, rows, k);
  const auto* x = static_cast<const PreparedSpan*>(prepared);
  multiply_rows<Format>(weights, x, m, output);
}

}  // namespace

void matvec_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                      const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate) {
  if (m > kMaxSingleRows) {
    return few_quantised(storage, weights, rows, k, prepared, m, y, ldy, accumulate);
  }
  const Output output = {y, ldy, accumulate};
  with_format(storage, [&](auto format) {
    multiply<decltype(format)>(weights, rows, k, prepared, m, output);
  });
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
