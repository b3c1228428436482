// Attention of a few rows over packed keys (decoding): each step of keys and values goes through
// the L1 cache once, for all rows.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/row_attention.h"

namespace owl3::cpu {

namespace {

class FewRowAttention final : public RowAttention {
 public:
  FewRowAttention(const Kernels& kernels, MemoryPool& pool, int64_t rows, int64_t d, bool int8)
      : RowAttention(kernels, rows, rows, d),
        int8_(int8),
        width_(padded_head_size(d)),
        query_scales_(static_cast<size_t>(rows)) {
    const int64_t words = rows * (width_ / 2 + width_) + width_;
    buffer_ = pool.allocate(static_cast<size_t>(words) * sizeof(float));
    queries_ = static_cast<uint32_t*>(buffer_.get());
    out_ = reinterpret_cast<float*>(queries_ + rows * width_ / 2);
    scaled_ = out_ + rows * width_;
    std::memset(buffer_.get(), 0, static_cast<size_t>(words) * sizeof(float));
  }

  void set_query(int64_t row, const float* query) override {
    const float scale = 1.0f / std::sqrt(static_cast<float>(d_));
    for (int64_t i = 0; i < d_; ++i) scaled_[i] = query[i] * scale;
    query_scales_[static_cast<size_t>(row)] =
        kernels_.round_query(scaled_, width_, int8_, queries_ + row * width_ / 2);
  }

  void attend(const KeyRun& run) override {
    const int64_t seen = last_seen();
    for (int64_t first = 0; first < seen; first += kFewRowsKeys) {
      kernels_.attend_few_rows(step_of(run, first));
    }
  }

 private:
  FewRowsStep step_of(const KeyRun& run, int64_t first) {
    const int64_t key_offset = bytes_of(run.dtype, packed_key_index(first, 0, d_));
    const int64_t value_offset = bytes_of(run.dtype, packed_value_index(first, 0, d_));
    FewRowsStep step = {};
    step.rows = rows_;
    step.d = d_;
    step.first_key = first;
    step.keys = std::min(kFewRowsKeys, padded_keys(run.count) - first);
    step.queries = queries_;
    step.k = static_cast<const std::byte*>(run.keys) + key_offset;
    step.v = static_cast<const std::byte*>(run.values) + value_offset;
    const bool last = first + step.keys == padded_keys(run.count);
    step.next_k = last ? run.following_keys
                       : static_cast<const std::byte*>(step.k) +
                             bytes_of(run.dtype, packed_key_index(step.keys, 0, d_));
    step.next_v = last ? run.following_values
                       : static_cast<const std::byte*>(step.v) +
                             bytes_of(run.dtype, packed_value_index(step.keys, 0, d_));
    if (step.next_k == nullptr) step.next_k = step.k;  // which costs nothing
    if (step.next_v == nullptr) step.next_v = step.v;
    if (int8_) {
      step.key_scales = run.key_scales + first;
      step.value_scales = run.value_scales + first;
      step.query_scales = query_scales_.data();
    }
    step.limits = limits_.data();
    step.maxima = maxima_.data();
    step.sums = sums_.data();
    step.out = out_;
    return step;
  }

  void read_output(int64_t row, float* out) override { std::copy_n(out_ + row * width_, d_, out); }

  bool int8_;
  int64_t width_;
  std::vector<float> query_scales_;
  std::shared_ptr<void> buffer_;
  uint32_t* queries_;  // [rows, width/2]
  float* out_;         // [rows, width]
  float* scaled_;      // [width]: a query on its way
};

}  // namespace

std::unique_ptr<RowAttention> make_few_row_attention(const Kernels& kernels, MemoryPool& pool,
                                                     int64_t rows, int64_t d, bool int8) {
  return std::make_unique<FewRowAttention>(kernels, pool, rows, d, int8);
}

}  // namespace owl3::cpu
