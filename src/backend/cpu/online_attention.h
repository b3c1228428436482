// Attention of a chunk of query rows over runs of keys, with the online softmax: one pass over the
// keys, no matrix of scores.
//
// Scores are computed transposed, [keys, rows]: then queries are the lanes of a vector, the softmax
// over keys never crosses lanes, and both products (K Q^T and P V) read their operands as they lie.
// A few hundred rows share each run of keys, which is converted to float32 once; scores, keys and
// values of one step stay in the L2 cache.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "backend/cpu/cpu_backend.h"

namespace owl3::cpu {

/// Keys and values of one head: elements of key j at keys + j * stride.
struct KeyRun {
  Storage storage;
  const std::byte* keys;
  const std::byte* values;
  int64_t stride;  // in elements
  int64_t count;
};

class OnlineAttention {
 public:
  /// Rows that share converted keys; rows of one pair of products.
  static constexpr int64_t kChunkRows = 256;
  static constexpr int64_t kTileRows = 64;

  OnlineAttention(const Kernels& kernels, MemoryPool& pool, int64_t rows, int64_t d)
      : kernels_(kernels),
        rows_(rows),
        d_(d),
        padded_d_(round_up(d, kernels.vector_width)),
        tile_rows_(std::min(kTileRows, round_up(rows, kernels.vector_width))),
        tiles_((rows + tile_rows_ - 1) / tile_rows_) {
    const int64_t padded_rows = tiles_ * tile_rows_;
    const int64_t floats =
        padded_rows * (d_ + padded_d_ + 4) + kStepKeys * (d_ + padded_d_) + kStepKeys * tile_rows_;
    buffer_ = pool.allocate(static_cast<size_t>(floats) * sizeof(float));
    queries_ = static_cast<float*>(buffer_.get());
    out_ = queries_ + padded_rows * d_;
    keys_ = out_ + padded_rows * padded_d_;
    values_ = keys_ + kStepKeys * d_;
    scores_ = values_ + kStepKeys * padded_d_;
    maxima_ = scores_ + kStepKeys * tile_rows_;
    sums_ = maxima_ + padded_rows;
    scales_ = sums_ + padded_rows;
    limits_ = reinterpret_cast<int32_t*>(scales_ + padded_rows);
    std::memset(queries_, 0, static_cast<size_t>(padded_rows * (d_ + padded_d_)) * sizeof(float));
    std::fill_n(maxima_, padded_rows, -std::numeric_limits<float>::infinity());
    std::fill_n(sums_, padded_rows, 0.0f);
    std::fill_n(limits_, padded_rows, 0);
  }

  /// The query of a row, to be scaled by 1/sqrt(d).
  void set_query(int64_t row, const float* query) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(d_));
    float* column = queries_ + row / tile_rows_ * tile_rows_ * d_ + row % tile_rows_;
    for (int64_t i = 0; i < d_; ++i) column[i * tile_rows_] = query[i] * scale;
  }

  /// The row sees the first `limit` keys of the next run.
  void set_limit(int64_t row, int64_t limit) { limits_[row] = static_cast<int32_t>(limit); }

  void attend(const KeyRun& run) {
    int64_t last_seen = 0;
    for (int64_t row = 0; row < rows_; ++row) {
      last_seen = std::max<int64_t>(last_seen, limits_[row]);
    }
    for (int64_t first = 0; first < last_seen; first += kStepKeys) {
      const int64_t keys = std::min(kStepKeys, run.count - first);
      load_step(run, first, keys);
      for (int64_t tile = 0; tile < tiles_; ++tile) attend_tile(tile, first, keys);
    }
  }

  /// Writes a row's output [d] and returns its log-sum-exp.
  float finish(int64_t row, float* out) const {
    const float sum = sums_[row];
    const float scale = sum > 0 ? 1.0f / sum : 0.0f;
    for (int64_t i = 0; i < d_; ++i) out[i] = out_[row * padded_d_ + i] * scale;
    return sum > 0 ? maxima_[row] + std::log(sum) : -std::numeric_limits<float>::infinity();
  }

 private:
  static constexpr int64_t kStepKeys = 128;

  static int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

  void load_step(const KeyRun& run, int64_t first, int64_t keys) {
    const size_t element = run.storage == Storage::kF32 ? 4 : 2;
    for (int64_t j = 0; j < keys; ++j) {
      const size_t offset = static_cast<size_t>((first + j) * run.stride) * element;
      kernels_.to_float(run.storage, run.keys + offset, keys_ + j * d_, d_);
      float* value = values_ + j * padded_d_;
      kernels_.to_float(run.storage, run.values + offset, value, d_);
      std::fill(value + d_, value + padded_d_, 0.0f);
    }
  }

  void attend_tile(int64_t tile, int64_t first_key, int64_t keys) {
    const int64_t first_row = tile * tile_rows_;
    const int64_t rows = std::min(tile_rows_, rows_ - first_row);
    const int32_t* limits = limits_ + first_row;
    if (*std::max_element(limits, limits + rows) <= first_key) return;
    // s = K q / sqrt(d)   [keys, rows]
    kernels_.multiply_small(keys, tile_rows_, d_, keys_, d_, 1, queries_ + first_row * d_,
                            tile_rows_, scores_, tile_rows_, false);
    kernels_.softmax_step(scores_, keys, tile_rows_, first_key, limits, maxima_ + first_row,
                          sums_ + first_row, scales_ + first_row);
    float* out = out_ + first_row * padded_d_;
    for (int64_t row = 0; row < rows; ++row) {
      const float scale = scales_[first_row + row];
      if (scale == 1.0f) continue;
      for (int64_t i = 0; i < padded_d_; ++i) out[row * padded_d_ + i] *= scale;
    }
    // out += p^T V   [rows, d]
    kernels_.multiply_small(rows, padded_d_, keys, scores_, 1, tile_rows_, values_, padded_d_, out,
                            padded_d_, true);
  }

  const Kernels& kernels_;
  int64_t rows_;
  int64_t d_;
  int64_t padded_d_;
  int64_t tile_rows_;
  int64_t tiles_;
  std::shared_ptr<void> buffer_;
  float* queries_;  // [tiles, d, tile_rows]
  float* out_;      // [rows, padded_d]
  float* keys_;     // [kStepKeys, d]
  float* values_;   // [kStepKeys, padded_d]
  float* scores_;   // [kStepKeys, tile_rows]
  float* maxima_;
  float* sums_;
  float* scales_;
  int32_t* limits_;
};

}  // namespace owl3::cpu
