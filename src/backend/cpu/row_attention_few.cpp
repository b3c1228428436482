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
  FewRowAttention(const Kernels& kernels, MemoryPool& pool, int64_t rows, int64_t d)
      : RowAttention(kernels, rows, rows, d), pairs_(head_pairs(d)), width_(padded_head_size(d)) {
    const int64_t words = rows * (pairs_ + width_) + kFewRowsKeys * (pairs_ + width_ / 2);
    buffer_ = pool.allocate(static_cast<size_t>(words) * sizeof(float));
    queries_ = static_cast<uint32_t*>(buffer_.get());
    out_ = reinterpret_cast<float*>(queries_ + rows * pairs_);
    keys_ = reinterpret_cast<uint16_t*>(out_ + rows * width_);
    values_ = keys_ + kFewRowsKeys * pairs_ * 2;
    std::memset(queries_, 0, static_cast<size_t>(rows * (pairs_ + width_)) * sizeof(float));
  }

  void set_query(int64_t row, const float* query) override {
    const float scale = 1.0f / std::sqrt(static_cast<float>(d_));
    auto* target = reinterpret_cast<bf16*>(queries_ + row * pairs_);
    for (int64_t i = 0; i < d_; ++i) target[i] = bf16::from_float(query[i] * scale);
  }

  void attend(const KeyRun& run) override {
    const int64_t seen = last_seen();
    for (int64_t first = 0; first < seen; first += kFewRowsKeys) {
      FewRowsStep step = load_step(run, first);
      std::vector<int32_t> limits(limits_);
      for (int32_t& limit : limits) limit -= static_cast<int32_t>(first);
      step.limits = limits.data();
      kernels_.attend_few_rows(step);
    }
  }

 private:
  FewRowsStep load_step(const KeyRun& run, int64_t first) {
    const int64_t key_offset = packed_key_index(first, 0, d_);
    const int64_t value_offset = packed_value_index(first, 0, d_);
    FewRowsStep step = {};
    step.rows = rows_;
    step.d = d_;
    step.keys = std::min(kFewRowsKeys, padded_keys(run.count) - first);
    step.queries = queries_;
    step.maxima = maxima_.data();
    step.sums = sums_.data();
    step.out = out_;
    if (run.dtype == DType::kBF16) {
      step.k = reinterpret_cast<const uint32_t*>(static_cast<const bf16*>(run.keys) + key_offset);
      step.v =
          reinterpret_cast<const uint32_t*>(static_cast<const bf16*>(run.values) + value_offset);
      return step;
    }
    kernels_.expand_int8(static_cast<const int8_t*>(run.keys) + key_offset, keys_,
                         step.keys * pairs_ * 2);
    kernels_.expand_int8(static_cast<const int8_t*>(run.values) + value_offset, values_,
                         step.keys * width_);
    step.k = reinterpret_cast<const uint32_t*>(keys_);
    step.v = reinterpret_cast<const uint32_t*>(values_);
    step.key_scales = run.key_scales + first;
    step.value_scales = run.value_scales + first;
    return step;
  }

  void read_output(int64_t row, float* out) const override {
    std::copy_n(out_ + row * width_, d_, out);
  }

  int64_t pairs_;
  int64_t width_;
  std::shared_ptr<void> buffer_;
  uint32_t* queries_;  // [rows, pairs]
  float* out_;         // [rows, width]
  uint16_t* keys_;     // a step's int8 keys and values, expanded
  uint16_t* values_;
};

}  // namespace

std::unique_ptr<RowAttention> make_few_row_attention(const Kernels& kernels, MemoryPool& pool,
                                                     int64_t rows, int64_t d) {
  return std::make_unique<FewRowAttention>(kernels, pool, rows, d);
}

}  // namespace owl3::cpu
