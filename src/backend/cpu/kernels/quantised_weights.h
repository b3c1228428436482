// Rows of weights in ggml's blocks, span by span, and where products with them go. Included by
// kernel sources only.
#pragma once

#include "backend/cpu/kernels/quantised_formats.h"

#if defined(__AVX2__)

namespace owl3::cpu::OWL3_ISA {

constexpr int64_t bytes_of_span(Storage storage) {
  switch (storage) {
    case Storage::kQ8_0:
      return kSpan / 32 * int64_t{sizeof(BlockQ8_0)};
    case Storage::kQ4_0:
      return kSpan / 32 * int64_t{sizeof(BlockQ4_0)};
    case Storage::kQ4_K:
      return sizeof(BlockQ4_K);
    default:
      return sizeof(BlockQ6_K);
  }
}

template <typename Format>
inline IVec dot(IVec sum, IVec w, IVec x) {
  if constexpr (Format::kSigned) return dot_signed(sum, w, x);
  return dot_unsigned(sum, w, x);
}

/// Rows of weights in blocks, by spans.
template <typename Format>
class Weights {
 public:
  static constexpr int64_t kSpanBytes = bytes_of_span(Format::kStorage);

  Weights(const void* weights, int64_t rows, int64_t k)
      : weights_(static_cast<const std::byte*>(weights)),
        rows_(rows),
        whole_(k / kSpan),
        rest_blocks_(k % kSpan / 32),
        stride_(kSpanBytes * k / kSpan) {}

  int64_t rows() const { return rows_; }
  int64_t spans() const { return whole_ + (rest_blocks_ > 0 ? 1 : 0); }
  /// Units of a row that it has values in.
  int64_t units() const { return whole_ * Format::kUnits + rest_blocks_ * Format::kUnits / 8; }

  /// A span of 4 rows, `step` rows apart. Of the last ones, the last stands in for those behind it.
  FourRows four(int64_t first, int64_t step, int64_t span) const {
    FourRows four;
    for (int64_t n = 0; n < kRowsTogether; ++n) {
      const int64_t row = first + n * step < rows_ ? first + n * step : rows_ - 1;
      four.rows[n] = weights_ + row * stride_ + span * kSpanBytes;
    }
    return four;
  }
  /// Where a row begins; it may lie behind the last one.
  const std::byte* row(int64_t n) const { return weights_ + n * stride_; }
  int64_t stride() const { return stride_; }
  /// A last span that is not whole is copied, zeros behind it.
  bool is_whole(int64_t span) const { return span < whole_; }
  FourRows copied(const FourRows& w, std::byte* to) const {
    for (int64_t n = 0; n < kRowsTogether; ++n) copy(w.rows[n], whole_, to + n * kSpanBytes);
    return {{to, to + kSpanBytes, to + 2 * kSpanBytes, to + 3 * kSpanBytes}};
  }
  /// The bytes that a row's span has, and zeros behind them.
  void copy(const std::byte* row, int64_t span, std::byte* to) const {
    const int64_t bytes = is_whole(span) ? kSpanBytes : rest_blocks_ * (kSpanBytes / 8);
    __builtin_memset(to, 0, kSpanBytes);
    __builtin_memcpy(to, row, static_cast<size_t>(bytes));
  }

 private:
  const std::byte* weights_;
  int64_t rows_, whole_, rest_blocks_, stride_;
};

/// A span of rows of weights that lie `stride` bytes apart.
struct RowsSpan {
  const std::byte* first;
  int64_t stride;

  FourRows four(int64_t f) const {
    const std::byte* row = first + f * kRowsTogether * stride;
    return {{row, row + stride, row + 2 * stride, row + 3 * stride}};
  }
};

/// Spans of kRows rows of weights, up to kSpans together. Where one is not whole, or there are
/// fewer rows, they are copied, with zeros behind the values; a copy stays until the next.
template <typename Format, int64_t kRows, int64_t kSpans>
class SpansOfRows {
 public:
  static constexpr int64_t kSpanBytes = Weights<Format>::kSpanBytes;

  SpansOfRows(const Weights<Format>& weights, int64_t first) : weights_(weights), first_(first) {}

  RowsSpan at(int64_t span, int64_t count) {
    const RowsSpan rows = {weights_.row(first_) + span * kSpanBytes, weights_.stride()};
    if (first_ + kRows <= weights_.rows() && weights_.is_whole(span + count - 1)) return rows;
    for (int64_t n = 0; n < kRows; ++n) {
      // The last row stands in for those behind it.
      const int64_t row = first_ + n < weights_.rows() ? n : weights_.rows() - 1 - first_;
      for (int64_t i = 0; i < count; ++i) {
        weights_.copy(rows.first + row * rows.stride + i * kSpanBytes, span + i,
                      copy_ + (n * kSpans + i) * kSpanBytes);
      }
    }
    return {copy_, kSpans * kSpanBytes};
  }

 private:
  const Weights<Format>& weights_;
  int64_t first_;
  std::byte copy_[kRows * kSpans * kSpanBytes];
};

struct Output {
  float* y;
  int64_t ldy;
  bool accumulate;

  void put(int64_t row, int64_t feature, float value) const {
    float& at = y[row * ldy + feature];
    at = value + (accumulate ? at : 0.0f);
  }
  template <size_t kCount>
  void put_vectors(int64_t row, int64_t first, const Vec (&values)[kCount]) const {
    float* at = y + row * ldy + first;
#pragma GCC unroll 2
    for (size_t i = 0; i < kCount; ++i, at += kWidth) {
      store(at, accumulate ? load(at) + values[i] : values[i]);
    }
  }
  void put_row(int64_t row, int64_t first, const float* values, int64_t count) const {
    float* at = y + row * ldy + first;
    if (accumulate) {
      for (int64_t i = 0; i < count; ++i) at[i] += values[i];
    } else {
      for (int64_t i = 0; i < count; ++i) at[i] = values[i];
    }
  }
};

}  // namespace owl3::cpu::OWL3_ISA

#endif
