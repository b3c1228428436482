// Attention in float32.
//
// Scores are computed transposed, [keys, rows]: then queries are the lanes of a vector, the softmax
// over keys never crosses lanes, and both products (K Q^T and V^T P) read their operands as they
// lie. A few hundred rows share each step of keys, which packed keys are unpacked for once; scores,
// keys and values of one step stay in the L2 cache.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/row_attention.h"

namespace owl3::cpu {

namespace {

constexpr int64_t kTileRows = 64;
constexpr int64_t kStepKeys = 128;

class FloatAttention final : public RowAttention {
 public:
  FloatAttention(const Kernels& kernels, MemoryPool& pool, int64_t rows, int64_t d)
      : RowAttention(kernels, rows, round_up(rows, tile_rows(kernels, rows)), d),
        tile_rows_(tile_rows(kernels, rows)),
        tiles_((rows + tile_rows_ - 1) / tile_rows_) {
    const int64_t padded_rows = tiles_ * tile_rows_;
    const int64_t floats = 2 * padded_rows * d + 2 * kStepKeys * d + (kStepKeys + 1) * tile_rows_;
    buffer_ = pool.allocate(static_cast<size_t>(floats) * sizeof(float));
    queries_ = static_cast<float*>(buffer_.get());
    out_ = queries_ + padded_rows * d;
    keys_ = out_ + padded_rows * d;
    values_ = keys_ + kStepKeys * d;
    scores_ = values_ + kStepKeys * d;
    scales_ = scores_ + kStepKeys * tile_rows_;
    std::memset(queries_, 0, static_cast<size_t>(2 * padded_rows * d) * sizeof(float));
  }

  void set_query(int64_t row, const float* query) override {
    const float scale = 1.0f / std::sqrt(static_cast<float>(d_));
    float* column = queries_ + row / tile_rows_ * tile_rows_ * d_ + row % tile_rows_;
    for (int64_t i = 0; i < d_; ++i) column[i * tile_rows_] = query[i] * scale;
  }

  void attend(const KeyRun& run) override {
    const int64_t seen = last_seen();
    for (int64_t first = 0; first < seen; first += kStepKeys) {
      const Step step = load_step(run, first, std::min(kStepKeys, run.count - first));
      for (int64_t tile = 0; tile < tiles_; ++tile) attend_tile(tile, first, step);
    }
  }

 private:
  /// Keys and values in float32, rows `stride` apart.
  struct Step {
    const float* keys;
    const float* values;
    int64_t stride;
    int64_t count;
  };

  static int64_t tile_rows(const Kernels& kernels, int64_t rows) {
    return std::min(kTileRows, round_up(rows, kernels.vector_width));
  }

  Step load_step(const KeyRun& run, int64_t first, int64_t count) {
    if (run.dtype == DType::kF32) {
      return {static_cast<const float*>(run.keys) + first * run.stride,
              static_cast<const float*>(run.values) + first * run.stride, run.stride, count};
    }
    for (int64_t j = 0; j < count; ++j) {
      for (int64_t i = 0; i < d_; ++i) {
        keys_[j * d_ + i] = element(run.dtype, run.keys, packed_key_index(first + j, i, d_));
        values_[j * d_ + i] = element(run.dtype, run.values, packed_value_index(first + j, i, d_));
      }
    }
    if (run.key_scales != nullptr) {
      scale_rows(keys_, count, d_, run.key_scales + first);
      scale_rows(values_, count, d_, run.value_scales + first);
    }
    return {keys_, values_, d_, count};
  }

  static float element(DType dtype, const void* data, int64_t index) {
    return dtype == DType::kBF16 ? static_cast<float>(static_cast<const bf16*>(data)[index])
                                 : static_cast<float>(static_cast<const int8_t*>(data)[index]);
  }

  void attend_tile(int64_t tile, int64_t first_key, const Step& step) {
    const int64_t first_row = tile * tile_rows_;
    const int64_t rows = std::min(tile_rows_, rows_ - first_row);
    const int32_t* limits = limits_.data() + first_row;
    if (*std::max_element(limits, limits + rows) <= first_key) return;
    // s = K q / sqrt(d)   [keys, rows]
    kernels_.multiply_small(step.count, tile_rows_, d_, step.keys, step.stride, 1,
                            queries_ + first_row * d_, tile_rows_, scores_, tile_rows_, false);
    kernels_.softmax_step(scores_, step.count, tile_rows_, first_key, limits,
                          maxima_.data() + first_row, sums_.data() + first_row, scales_);
    // out = scale * out + V^T p   [d, rows]
    float* out = out_ + first_row * d_;
    kernels_.scale_columns(out, d_, tile_rows_, tile_rows_, scales_);
    kernels_.multiply_small(d_, tile_rows_, step.count, step.values, 1, step.stride, scores_,
                            tile_rows_, out, tile_rows_, true);
  }

  void read_output(int64_t row, float* out) override {
    const float* column = out_ + row / tile_rows_ * tile_rows_ * d_ + row % tile_rows_;
    for (int64_t i = 0; i < d_; ++i) out[i] = column[i * tile_rows_];
  }

  int64_t tile_rows_;
  int64_t tiles_;
  std::shared_ptr<void> buffer_;
  float* queries_;  // [tiles, d, tile_rows]
  float* out_;      // [tiles, d, tile_rows]
  float* keys_;     // [kStepKeys, d]
  float* values_;   // [kStepKeys, d]
  float* scores_;   // [kStepKeys, tile_rows]
  float* scales_;   // [tile_rows]
};

}  // namespace

std::unique_ptr<RowAttention> make_float_attention(const Kernels& kernels, MemoryPool& pool,
                                                   int64_t rows, int64_t d) {
  return std::make_unique<FloatAttention>(kernels, pool, rows, d);
}

}  // namespace owl3::cpu
