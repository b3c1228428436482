// Attention of a few queries (decoding) over packed keys and values (key_value_layout.h), at the
// speed of memory: lanes are keys, then channels, so that every vector of keys and values is loaded
// once and serves all queries of the head's group.
//
// Sums are chains over the channels of a key, or over the keys of a step, one to each lane: a
// query's result is the same bits whatever queries come with it.
#include "backend/cpu/kernels/ahead.h"
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/pairs.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

inline IVec lane_numbers() {
  IVec lanes = {};
  for (int32_t i = 0; i < int32_t{kWidth}; ++i) lanes[i] = i;
  return lanes;
}

/// Vectors that share a load of a query's pair, or of a weight's: enough chains to hide the latency
/// of products, as far as there are registers.
constexpr int vectors_at_once(int rows) {
  if (rows <= 3) return 4;
  return 2 * rows + 3 <= kRegisters ? 2 : 1;
}

/// A step, as typed.
template <typename Pairs>
struct Step {
  const FewRowsStep& all;
  int64_t pairs = head_pairs(all.d);
  int64_t width = padded_head_size(all.d);
  const std::byte* k = static_cast<const std::byte*>(all.k);
  const std::byte* v = static_cast<const std::byte*>(all.v);

  const std::byte* key(int64_t position) const {
    return k + (position / kKeysPerBlock * kKeysPerBlock * pairs + position % kKeysPerBlock) *
                   Pairs::kBytes;
  }
  const uint32_t* query(int64_t row) const { return all.queries + row * width / 2; }
};

/// Scores of kRows queries with kVectors vectors of keys from key `first` on; their values are
/// fetched meanwhile.
template <typename Pairs, int kRows, int kVectors>
inline void score_vectors(const Step<Pairs>& step, int64_t row, int64_t first, float* scores) {
  typename Pairs::Sum sums[kRows][kVectors] = {};
  const std::byte* keys[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) keys[v] = step.key(first + v * kWidth);
  const int64_t value_bytes = kVectors * kWidth / 2 * step.width * Pairs::kBytes;
  Ahead ahead = {step.v + first / 2 * step.width * Pairs::kBytes, value_bytes / step.pairs};
  const uint32_t* queries = step.query(row);
  for (int64_t i = 0; i < step.pairs; ++i) {
    ahead.fetch();
    UVec some[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      some[v] = Pairs::load_pairs(keys[v] + i * kKeysPerBlock * Pairs::kBytes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const UVec query = broadcast_pair(queries[r * step.width / 2 + i]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Pairs::dot(sums[r][v], query, some[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      store(scores + r * kFewRowsKeys + first + v * kWidth, Pairs::to_float(sums[r][v]));
    }
  }
}

template <typename Pairs, int kRows, int kVectors = vectors_at_once(kRows)>
inline void score_keys(const Step<Pairs>& step, int64_t row, int64_t first, float* scores) {
  for (; first + kVectors * kWidth <= step.all.keys; first += kVectors * kWidth) {
    score_vectors<Pairs, kRows, kVectors>(step, row, first, scores);
  }
  if constexpr (kVectors > 1) {
    if (first < step.all.keys) score_keys<Pairs, kRows, kVectors / 2>(step, row, first, scores);
  }
}

template <int kRows>
struct RoundedWeights {
  uint32_t pairs[kRows][kFewRowsKeys / 2];
  float factors[kRows];  // what they must be multiplied by
};

/// One row's step of the online softmax: scores become weights. Returns the factor for what the row
/// has summed so far.
inline float softmax_row(const FewRowsStep& step, int64_t row, float* scores) {
  const Vec never = broadcast(-__builtin_inff());
  const IVec limit = IVec{} + static_cast<int32_t>(step.limits[row] - step.first_key);
  const Vec query_scale = broadcast(step.query_scales != nullptr ? step.query_scales[row] : 1.0f);
  Vec largest = never;
  for (int64_t j = 0; j < step.keys; j += kWidth) {
    Vec score = load(scores + j);
    if (step.key_scales != nullptr) score *= load(step.key_scales + j) * query_scale;
    score = lane_numbers() + static_cast<int32_t>(j) < limit ? score : never;
    store(scores + j, score);
    largest = maximum(largest, score);
  }
  const float old_maximum = step.maxima[row];
  const float step_maximum = largest_of(largest);
  const float new_maximum = step_maximum > old_maximum ? step_maximum : old_maximum;
  const bool seen = new_maximum > -__builtin_inff();
  const Vec base = broadcast(seen ? new_maximum : 0.0f);
  Vec sum = {};
  for (int64_t j = 0; j < step.keys; j += kWidth) {
    const Vec score = load(scores + j);
    Vec weight = score == never ? Vec{} : exponential(score - base);  // of NaN, NaN
    sum += weight;
    if (step.value_scales != nullptr) weight *= load(step.value_scales + j);
    store(scores + j, weight);
  }
  float scale = 0;
  if (old_maximum > -__builtin_inff()) {
    float scales[kWidth];
    store(scales, exponential(broadcast(old_maximum) - base));
    scale = scales[0];
  }
  step.maxima[row] = new_maximum;
  step.sums[row] = step.sums[row] * scale + sum_of(sum);
  return scale;
}

/// out = scale * out + weights V, of kVectors vectors of channels from `channel` on; the next keys
/// are fetched meanwhile.
template <typename Pairs, int kRows, int kVectors>
inline void add_vectors(const Step<Pairs>& step, int64_t row, int64_t channel,
                        const RoundedWeights<kRows>& weights, const float* scales, Ahead& ahead) {
  typename Pairs::Sum sums[kRows][kVectors] = {};
  const std::byte* values = step.v + channel * Pairs::kBytes;
  for (int64_t j = 0; j < step.all.keys / 2; ++j, values += step.width * Pairs::kBytes) {
    ahead.fetch();
    UVec some[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      some[v] = Pairs::load_pairs(values + v * kWidth * Pairs::kBytes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const UVec weight = broadcast_pair(weights.pairs[r][j]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Pairs::dot(sums[r][v], weight, some[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* out = step.all.out + (row + r) * step.width + channel;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const Vec sum = Pairs::to_float(sums[r][v]) * weights.factors[r];
      store(out + v * kWidth, load(out + v * kWidth) * scales[r] + sum);
    }
  }
}

template <typename Pairs, int kRows, int kVectors = vectors_at_once(kRows)>
inline void add_values(const Step<Pairs>& step, int64_t row, int64_t channel,
                       const RoundedWeights<kRows>& weights, const float* scales, Ahead& ahead) {
  for (; channel + kVectors * kWidth <= step.width; channel += kVectors * kWidth) {
    add_vectors<Pairs, kRows, kVectors>(step, row, channel, weights, scales, ahead);
  }
  if constexpr (kVectors > 1) {
    if (channel < step.width) {
      add_values<Pairs, kRows, kVectors / 2>(step, row, channel, weights, scales, ahead);
    }
  }
}

template <typename Pairs, int kRows>
void attend_rows(const Step<Pairs>& step, int64_t row) {
  float scores[kRows * kFewRowsKeys];
  RoundedWeights<kRows> weights;
  float scales[kRows];
  score_keys<Pairs, kRows>(step, row, 0, scores);
  for (int64_t r = 0; r < kRows; ++r) {
    float* of_row = scores + r * kFewRowsKeys;
    scales[r] = softmax_row(step.all, row + r, of_row);
    weights.factors[r] = Pairs::round(of_row, step.all.keys, weights.pairs[r]);
  }
  const int64_t loads = step.all.keys / 2 * step.width / (vectors_at_once(kRows) * kWidth);
  Ahead ahead = {static_cast<const std::byte*>(step.all.next_k),
                 step.all.next_keys * step.pairs * Pairs::kBytes / (loads > 0 ? loads : 1)};
  add_values<Pairs, kRows>(step, row, 0, weights, scales, ahead);
}

template <typename Pairs, int kRows = 8>
void attend_rest(const Step<Pairs>& step, int64_t row) {
  if (step.all.rows - row >= kRows) {
    attend_rows<Pairs, kRows>(step, row);
  } else if constexpr (kRows > 1) {
    attend_rest<Pairs, kRows - 1>(step, row);
  }
}

template <typename Pairs>
void attend(const FewRowsStep& all) {
  const Step<Pairs> step = {all};
  for (int64_t row = 0; row < all.rows; row += 8) attend_rest(step, row);
}

}  // namespace

void attend_few_rows(const FewRowsStep& step) {
  step.key_scales != nullptr ? attend<Int8Pairs>(step) : attend<Bf16Pairs>(step);
}

float round_query(const float* x, int64_t n, bool int8, uint32_t* pairs) {
  return int8 ? Int8Pairs::round(x, n, pairs) : Bf16Pairs::round(x, n, pairs);
}

}  // namespace owl3::cpu::OWL3_ISA
