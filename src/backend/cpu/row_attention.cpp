#include "backend/cpu/row_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace owl3::cpu {

std::unique_ptr<RowAttention> RowAttention::create(const Kernels& kernels, MemoryPool& pool,
                                                   int64_t rows, int64_t d, DType keys) {
  if (keys == DType::kF32) return make_float_attention(kernels, pool, rows, d);
  if (rows <= kFewRows) {
    return make_few_row_attention(kernels, pool, rows, d, keys == DType::kI8);
  }
  return kernels.bf16_dot ? make_pair_attention(kernels, pool, rows, d)
                          : make_float_attention(kernels, pool, rows, d);
}

RowAttention::RowAttention(const Kernels& kernels, int64_t rows, int64_t padded_rows, int64_t d)
    : kernels_(kernels),
      rows_(rows),
      d_(d),
      maxima_(static_cast<size_t>(padded_rows), -std::numeric_limits<float>::infinity()),
      sums_(static_cast<size_t>(padded_rows)),
      limits_(static_cast<size_t>(padded_rows)) {}

int64_t RowAttention::last_seen() const {
  return *std::max_element(limits_.begin(), limits_.begin() + rows_);
}

float RowAttention::finish(int64_t row, float* out) {
  const float sum = sums_[static_cast<size_t>(row)];
  const bool seen = sum != 0;  // NaN is something seen, and stays
  const float scale = seen ? 1.0f / sum : 0.0f;
  read_output(row, out);
  for (int64_t i = 0; i < d_; ++i) out[i] *= scale;
  return seen ? maxima_[static_cast<size_t>(row)] + std::log(sum)
              : -std::numeric_limits<float>::infinity();
}

void RowAttention::mark() {
  marked_maxima_ = maxima_;
  marked_sums_ = sums_;
}

float RowAttention::log_sum_exp_since_mark(int64_t row) const {
  const auto i = static_cast<size_t>(row);
  float since = sums_[i];
  if (marked_sums_[i] != 0) since -= marked_sums_[i] * std::exp(marked_maxima_[i] - maxima_[i]);
  return since <= 0 ? -std::numeric_limits<float>::infinity() : maxima_[i] + std::log(since);
}

void scale_rows(float* scores, int64_t keys, int64_t rows, const float* scales) {
  for (int64_t j = 0; j < keys; ++j) {
    for (int64_t row = 0; row < rows; ++row) scores[j * rows + row] *= scales[j];
  }
}

}  // namespace owl3::cpu
