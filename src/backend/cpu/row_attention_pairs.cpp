// Attention of many rows over packed keys by bf16 dot products: twice the float32 rate, and no head
// size is padded, since neither product has channels in its lanes.
//
// Tiles of as many rows as two vectors hold take turns with a step of keys, which stays in the L2
// cache; each has a share of the next step's fetched there. A tile's queries, weights and output
// stay in the L1 cache.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/cpu/row_attention.h"

namespace owl3::cpu {

namespace {

constexpr int64_t kStepKeys = 256;

class PairAttention final : public RowAttention {
 public:
  PairAttention(const Kernels& kernels, MemoryPool& pool, int64_t rows, int64_t d)
      : RowAttention(kernels, rows, round_up(rows, kernels.panel_columns), d),
        tile_rows_(kernels.panel_columns),
        tiles_((rows + tile_rows_ - 1) / tile_rows_),
        pairs_(head_pairs(d)) {
    OWL3_CHECK(tile_rows_ == 2 * kernels.vector_width);  // weigh_keys takes no more
    const int64_t padded_rows = tiles_ * tile_rows_;
    const int64_t step = kStepKeys * (pairs_ + padded_head_size(d) / 2);
    const int64_t words = padded_rows * (2 * pairs_ + d) + step + kStepKeys / 2 * tile_rows_ +
                          tile_rows_ * round_up(d, tile_rows_);
    buffer_ = pool.allocate(static_cast<size_t>(words) * sizeof(float));
    rounded_ = static_cast<uint32_t*>(buffer_.get());
    queries_ = rounded_ + padded_rows * pairs_;
    out_ = reinterpret_cast<float*>(queries_ + padded_rows * pairs_);
    keys_ = reinterpret_cast<uint16_t*>(out_ + padded_rows * d);
    values_ = keys_ + kStepKeys * pairs_ * 2;
    weights_ = reinterpret_cast<uint32_t*>(keys_) + step;
    finished_ = reinterpret_cast<float*>(weights_ + kStepKeys / 2 * tile_rows_);
    // Rows of nobody see all, so that they are no reason to look which keys are seen.
    std::fill(limits_.begin() + rows, limits_.end(), std::numeric_limits<int32_t>::max());
    std::memset(buffer_.get(), 0,
                static_cast<size_t>(padded_rows * (2 * pairs_ + d)) * sizeof(float));
  }

  void set_query(int64_t row, const float* query) override {
    kernels_.to_bf16(query, reinterpret_cast<uint16_t*>(rounded_ + row * pairs_), d_);
    queries_wait_ = true;
  }

  void attend(const KeyRun& run) override {
    if (queries_wait_) lay_queries();
    finished_tile_ = -1;
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
    // What is to be fetched for the next step, so many bytes of each.
    const std::byte* next_keys;
    const std::byte* next_values;
    int64_t fetched;
  };

  /// Rows of queries become the lanes of vectors.
  void lay_queries() {
    for (int64_t first = 0; first < tiles_ * tile_rows_; first += tile_rows_) {
      transpose(rounded_ + first * pairs_, pairs_, tile_rows_, pairs_, queries_ + first * pairs_);
    }
    queries_wait_ = false;
  }

  /// x [columns, n], rows ldx apart  -> [n, tile_rows_], columns being at most tile_rows_
  template <typename Word>
  void transpose(const Word* x, int64_t ldx, int64_t columns, int64_t n, Word* y) const {
    static_assert(sizeof(Word) == sizeof(float));
    kernels_.pack_panel(Storage::kF32, x, ldx, columns, n, reinterpret_cast<float*>(y));
  }

  Step load_step(const KeyRun& run, int64_t first) {
    const int64_t count = std::min(kStepKeys, padded_keys(run.count) - first);
    Step step = {};
    step.count = count;
    if (run.dtype == DType::kBF16) {
      step.keys = static_cast<const uint32_t*>(keys_at(run, first));
      step.values = static_cast<const uint32_t*>(values_at(run, first));
    } else {
      kernels_.expand_int8(static_cast<const int8_t*>(keys_at(run, first)), keys_,
                           count * pairs_ * 2);
      kernels_.expand_int8(static_cast<const int8_t*>(values_at(run, first)), values_,
                           count * padded_head_size(d_));
      step.keys = reinterpret_cast<const uint32_t*>(keys_);
      step.values = reinterpret_cast<const uint32_t*>(values_);
      step.key_scales = run.key_scales + first;
      step.value_scales = run.value_scales + first;
    }
    const bool last = first + count == padded_keys(run.count);
    step.next_keys =
        static_cast<const std::byte*>(last ? run.following_keys : keys_at(run, first + count));
    step.next_values =
        static_cast<const std::byte*>(last ? run.following_values : values_at(run, first + count));
    step.fetched =
        step.next_keys == nullptr ? 0 : bytes_of(run.dtype, count * padded_head_size(d_));
    return step;
  }

  const void* keys_at(const KeyRun& run, int64_t first) const {
    return static_cast<const std::byte*>(run.keys) +
           bytes_of(run.dtype, packed_key_index(first, 0, d_));
  }
  const void* values_at(const KeyRun& run, int64_t first) const {
    return static_cast<const std::byte*>(run.values) +
           bytes_of(run.dtype, packed_value_index(first, 0, d_));
  }

  void attend_tile(int64_t tile, int64_t first_key, const Step& step) {
    const int64_t first_row = tile * tile_rows_;
    const int64_t rows = std::min(tile_rows_, rows_ - first_row);
    const int32_t* limits = limits_.data() + first_row;
    if (*std::max_element(limits, limits + rows) <= first_key) return;
    ManyRowsStep many = {};
    many.rows = round_up(rows, kernels_.vector_width);
    many.stride = tile_rows_;
    many.d = d_;
    many.pairs = pairs_;
    many.first_key = first_key;
    many.keys = step.count;
    many.queries = queries_ + first_row * pairs_;
    many.scale = 1.0f / std::sqrt(static_cast<float>(d_));
    many.k = step.keys;
    many.key_scales = step.key_scales;
    many.value_scales = step.value_scales;
    many.limits = limits;
    many.maxima = maxima_.data() + first_row;
    many.sums = sums_.data() + first_row;
    many.out = out_ + first_row * d_;
    many.weights = weights_;
    many.fetched = step.fetched / tiles_;
    many.next_k = step.next_keys + tile * many.fetched;
    many.next_v = step.next_values + tile * many.fetched;
    kernels_.weigh_keys(many);
    // out += V^T p   [d, rows]
    kernels_.multiply_pairs(d_, many.rows, step.count / 2, step.values, 1, padded_head_size(d_),
                            weights_, many.rows, many.out, tile_rows_, true);
  }

  void read_output(int64_t row, float* out) override {
    const int64_t tile = row / tile_rows_;
    if (tile != finished_tile_) finish_tile(tile);
    for (int64_t i = 0; i < d_; i += tile_rows_) {
      std::copy_n(finished_ + i * tile_rows_ + row % tile_rows_ * tile_rows_,
                  std::min(tile_rows_, d_ - i), out + i);
    }
  }

  void finish_tile(int64_t tile) {
    const float* out = out_ + tile * tile_rows_ * d_;
    for (int64_t i = 0; i < d_; i += tile_rows_) {
      transpose(out + i * tile_rows_, tile_rows_, std::min(tile_rows_, d_ - i), tile_rows_,
                finished_ + i * tile_rows_);
    }
    finished_tile_ = tile;
  }

  int64_t tile_rows_;
  int64_t tiles_;
  int64_t pairs_;
  bool queries_wait_ = false;   // in rounded_, to be laid out
  int64_t finished_tile_ = -1;  // that lies in finished_
  std::shared_ptr<void> buffer_;
  uint32_t* rounded_;  // [padded rows, pairs]
  uint32_t* queries_;  // [tiles, pairs, tile_rows]
  float* out_;         // [tiles, d, tile_rows]
  uint16_t* keys_;     // a step's int8 keys and values, expanded
  uint16_t* values_;
  uint32_t* weights_;  // [kStepKeys/2, tile_rows]
  float* finished_;    // [d/tile_rows, tile_rows, tile_rows]: a tile's output, rows first
};

}  // namespace

std::unique_ptr<RowAttention> make_pair_attention(const Kernels& kernels, MemoryPool& pool,
                                                  int64_t rows, int64_t d) {
  return std::make_unique<PairAttention>(kernels, pool, rows, d);
}

}  // namespace owl3::cpu
