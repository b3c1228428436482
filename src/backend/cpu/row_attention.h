// Attention of a chunk of query rows over runs of keys, with the online softmax: one pass over the
// keys, no matrix of scores. Three ways, by the keys' type and the number of rows:
//   float   scores and sums in float32, for float32 keys, and for packed ones where the processor
//           has no bf16 dot products
//   pairs   many rows over packed keys, by bf16 dot products
//   few     up to kFewRows rows over packed keys (decoding), at memory speed
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/cpu_backend.h"

namespace owl3::cpu {

/// Keys and values of one head (key_value_layout.h). float32: key j at keys + j * stride.
struct KeyRun {
  DType dtype;
  const void* keys;
  const void* values;
  const float* key_scales;  // int8 only
  const float* value_scales;
  int64_t stride;  // in elements; float32 only
  int64_t count;
  const void* following_keys = nullptr;  // of the run that is attended next
  const void* following_values = nullptr;
};

class RowAttention {
 public:
  /// Rows that share a pass over the keys.
  static constexpr int64_t kChunkRows = 256;
  static constexpr int64_t kFewRows = 16;

  virtual ~RowAttention() = default;
  RowAttention(const RowAttention&) = delete;
  RowAttention& operator=(const RowAttention&) = delete;

  /// For up to kChunkRows rows of d channels over keys of that type.
  static std::unique_ptr<RowAttention> create(const Kernels& kernels, MemoryPool& pool,
                                              int64_t rows, int64_t d, DType keys);

  /// The query of a row, to be scaled by 1/sqrt(d).
  virtual void set_query(int64_t row, const float* query) = 0;
  /// The row sees the first `limit` keys of the next run.
  void set_limit(int64_t row, int64_t limit) {
    limits_[static_cast<size_t>(row)] = static_cast<int32_t>(limit);
  }
  virtual void attend(const KeyRun& run) = 0;
  /// From here on, what a row sees can be told from what it has seen so far.
  void mark();
  /// The log-sum-exp of the keys that the row has seen since mark(). Rounding is relative to all
  /// that it has seen.
  float log_sum_exp_since_mark(int64_t row) const;
  /// Writes a row's output [d] and returns its log-sum-exp.
  float finish(int64_t row, float* out);

 protected:
  RowAttention(const Kernels& kernels, int64_t rows, int64_t padded_rows, int64_t d);

  int64_t last_seen() const;
  /// The row's weighted sum of values so far, [d].
  virtual void read_output(int64_t row, float* out) = 0;

  const Kernels& kernels_;
  int64_t rows_;
  int64_t d_;
  std::vector<float> maxima_;  // [padded rows]
  std::vector<float> sums_;
  std::vector<int32_t> limits_;

 private:
  std::vector<float> marked_maxima_;  // [padded rows], at mark()
  std::vector<float> marked_sums_;
};

std::unique_ptr<RowAttention> make_float_attention(const Kernels& kernels, MemoryPool& pool,
                                                   int64_t rows, int64_t d);
std::unique_ptr<RowAttention> make_pair_attention(const Kernels& kernels, MemoryPool& pool,
                                                  int64_t rows, int64_t d);
std::unique_ptr<RowAttention> make_few_row_attention(const Kernels& kernels, MemoryPool& pool,
                                                     int64_t rows, int64_t d, bool int8);

/// Scores [keys, rows] times a scale per key.
void scale_rows(float* scores, int64_t keys, int64_t rows, const float* scales);

inline int64_t round_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}

}  // namespace owl3::cpu
