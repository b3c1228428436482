// Attention of many rows over packed keys by bf16 dot products: twice the float32 rate, and no head
// size is padded, since neither product has channels in its lanes.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/row_attention.h"

namespace owl3::cpu {

namespace {

constexpr int64_t kTileRows = 64;
constexpr int64_t kStepKeys = 128;

class PairAttention final : public RowAttention {
 public:
  PairAttention(const Kernels& kernels, MemoryPool& pool, int64_t rows, int64_t d)
      : RowAttention(kernels, rows, round_up(rows, tile_rows(kernels, rows)), d),
        tile_rows_(tile_rows(kernels, rows)),
        tiles_((rows + tile_rows_ - 1) / tile_rows_),
        pairs_(head_pairs(d)),
        scaled_(static_cast<size_t>(d)),
        rounded_(static_cast<size_t>(pairs_)) {
    const int64_t padded_rows = tiles_ * tile_rows_;
    const int64_t step = kStepKeys * (pairs_ + padded_head_size(d) / 2);
    const int64_t words =
        padded_rows * (pairs_ + d) + step + (kStepKeys + kStepKeys / 2 + 1) * tile_rows_;
    buffer_ = pool.allocate(static_cast<size_t>(words) * sizeof(float));
    queries_ = static_cast<uint32_t*>(buffer_.get());
    out_ = reinterpret_cast<float*>(queries_ + padded_rows * pairs_);
    keys_ = reinterpret_cast<uint16_t*>(out_ + padded_rows * d);
    values_ = keys_ + kStepKeys * pairs_ * 2;
    scores_ = reinterpret_cast<float*>(keys_) + step;
    weights_ = reinterpret_cast<uint32_t*>(scores_ + kStepKeys * tile_rows_);
    scales_ = reinterpret_cast<float*>(weights_ + kStepKeys / 2 * tile_rows_);
    std::memset(queries_, 0, static_cast<size_t>(padded_rows * (pairs_ + d)) * sizeof(float));
  }

  void set_query(int64_t row, const float* query) override {
    const float scale = 1.0f / std::sqrt(static_cast<float>(d_));
    for (int64_t i = 0; i < d_; ++i) scaled_[static_cast<size_t>(i)] = query[i] * scale;
    kernels_.to_bf16(scaled_.data(), reinterpret_cast<uint16_t*>(rounded_.data()), d_);
    uint32_t* column = queries_ + row / tile_rows_ * tile_rows_ * pairs_ + row % tile_rows_;
    for (int64_t i = 0; i < pairs_; ++i) column[i * tile_rows_] = rounded_[static_cast<size_t>(i)];
  }

  void attend(const KeyRun& run) override {
    const int64_t seen = last_seen();
    for (int64_t first = 0; first < seen; first += kStepKeys) {
      const Step step = load_step(run, first);
      for (int64_t tile = 0; tile < tiles_; ++tile) attend_tile(tile, first, step);
    }
  }

 private:
  struct Step {
    const uint32_t* keys;
    const uint32_t* values;
    const float* key_scales;
    const float* value_scales;
    int64_t count;  // a multiple of kKeysPerBlock
  };

  static int64_t tile_rows(const Kernels& kernels, int64_t rows) {
    return std::min(kTileRows, round_up(rows, kernels.vector_width));
  }

  Step load_step(const KeyRun& run, int64_t first) {
    const int64_t count = std::min(kStepKeys, padded_keys(run.count) - first);
    const int64_t key_offset = packed_key_index(first, 0, d_);
    const int64_t value_offset = packed_value_index(first, 0, d_);
    if (run.dtype == DType::kBF16) {
      return {
          reinterpret_cast<const uint32_t*>(static_cast<const bf16*>(run.keys) + key_offset),
          reinterpret_cast<const uint32_t*>(static_cast<const bf16*>(run.values) + value_offset),
          nullptr, nullptr, count};
    }
    kernels_.expand_int8(static_cast<const int8_t*>(run.keys) + key_offset, keys_,
                         count * pairs_ * 2);
    kernels_.expand_int8(static_cast<const int8_t*>(run.values) + value_offset, values_,
                         count * padded_head_size(d_));
    return {reinterpret_cast<const uint32_t*>(keys_), reinterpret_cast<const uint32_t*>(values_),
            run.key_scales + first, run.value_scales + first, count};
  }

  void attend_tile(int64_t tile, int64_t first_key, const Step& step) {
    const int64_t first_row = tile * tile_rows_;
    const int64_t rows = std::min(tile_rows_, rows_ - first_row);
    const int32_t* limits = limits_.data() + first_row;
    if (*std::max_element(limits, limits + rows) <= first_key) return;
    const int64_t width = round_up(rows, kernels_.vector_width);  // of the last tile, less
    // s = K q / sqrt(d)   [keys, width]
    for (int64_t key = 0; key < step.count; key += kKeysPerBlock) {
      kernels_.multiply_pairs(kKeysPerBlock, width, pairs_, step.keys + key * pairs_, 1,
                              kKeysPerBlock, queries_ + first_row * pairs_, tile_rows_,
                              scores_ + key * width, width, false);
    }
    if (step.key_scales != nullptr) scale_rows(scores_, step.count, width, step.key_scales);
    kernels_.softmax_step(scores_, step.count, width, first_key, limits, maxima_.data() + first_row,
                          sums_.data() + first_row, scales_);
    if (step.value_scales != nullptr) scale_rows(scores_, step.count, width, step.value_scales);
    kernels_.pair_rows(scores_, step.count, width, weights_);
    // out = scale * out + V^T p   [d, rows]
    float* out = out_ + first_row * d_;
    kernels_.scale_columns(out, d_, width, tile_rows_, scales_);
    kernels_.multiply_pairs(d_, width, step.count / 2, step.values, 1, padded_head_size(d_),
                            weights_, width, out, tile_rows_, true);
  }

  void read_output(int64_t row, float* out) const override {
    const float* column = out_ + row / tile_rows_ * tile_rows_ * d_ + row % tile_rows_;
    for (int64_t i = 0; i < d_; ++i) out[i] = column[i * tile_rows_];
  }

  int64_t tile_rows_;
  int64_t tiles_;
  int64_t pairs_;
  std::vector<float> scaled_;  // a query, on its way into queries_
  std::vector<uint32_t> rounded_;
  std::shared_ptr<void> buffer_;
  uint32_t* queries_;  // [tiles, pairs, tile_rows]
  float* out_;         // [tiles, d, tile_rows]
  uint16_t* keys_;     // a step's int8 keys and values, expanded
  uint16_t* values_;
  float* scores_;      // [kStepKeys, tile_rows]
  uint32_t* weights_;  // [kStepKeys/2, tile_rows]
  float* scales_;      // [tile_rows]
};

}  // namespace

std::unique_ptr<RowAttention> make_pair_attention(const Kernels& kernels, MemoryPool& pool,
                                                  int64_t rows, int64_t d) {
  return std::make_unique<PairAttention>(kernels, pool, rows, d);
}

}  // namespace owl3::cpu
