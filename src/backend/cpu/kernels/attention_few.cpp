// Attention of a few queries (decoding) over packed keys and values (key_value_layout.h), at the
// speed of memory. Keys and values are read in the order in which they lie, a few kB of the ones,
// then of the others, and all is done with them at once: so the processor's own fetching follows
// both, and exponentials are computed while memory is on its way.
//
// Lanes are keys, then channels. A query's sums are chains of its own over the channels of a key
// and over keys: its result is the same bits whatever queries come with it.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/pairs.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

/// How much is done at once, as far as there are registers.
template <typename Pairs>
struct Tile {
  static constexpr bool kWide = kRegisters >= 32;
  static constexpr bool kInt8 = Pairs::kBytes == 2;
  /// Keys that are attended together: 4 kB of 128 channels.
  static constexpr int64_t kBlockKeys = kInt8 ? 2 * kKeysPerBlock : kKeysPerBlock;
  /// Vectors of keys whose scores are summed at once, and chains of sums of each.
  static constexpr int key_vectors(int rows) {
    if (kWide) return kInt8 ? 2 : 1;
    return 2 * rows + 3 <= kRegisters ? 2 : 1;
  }
  static constexpr int kChains = kWide && !kInt8 ? 2 : 1;
  /// Rows, and vectors of channels, whose sums of values are: 128 channels where there are 32
  /// registers, so that values are read in their order, and for more rows again from the cache.
  static constexpr int kRows = 3;
  static constexpr int kChannelVectors = kWide ? 8 : 4;
};

inline IVec lane_numbers() {
  IVec lanes = {};
  for (int32_t i = 0; i < int32_t{kWidth}; ++i) lanes[i] = i;
  return lanes;
}

/// A step, as typed.
template <typename Pairs>
struct Step {
  const FewRowsStep& all;
  int64_t pairs = head_pairs(all.d);
  int64_t width = padded_head_size(all.d);

  int64_t key_bytes(int64_t keys) const { return keys * pairs * Pairs::kBytes; }
  /// Of a key's first pair.
  int64_t key_offset(int64_t key) const {
    return key_bytes(key / kKeysPerBlock * kKeysPerBlock) + key % kKeysPerBlock * Pairs::kBytes;
  }
  int64_t value_bytes(int64_t keys) const { return keys / 2 * width * Pairs::kBytes; }
};

/// A block of a step's keys and their values, and what is fetched meanwhile.
struct Block {
  int64_t first, count;
  const std::byte* keys;
  const std::byte* values;
  const std::byte* next_keys;
  const std::byte* next_values;
};

template <typename Pairs>
Block block_at(const Step<Pairs>& step, int64_t first) {
  const int64_t rest = step.all.keys - first;
  Block block = {};
  block.first = first;
  block.count = rest < Tile<Pairs>::kBlockKeys ? rest : Tile<Pairs>::kBlockKeys;
  block.keys = static_cast<const std::byte*>(step.all.k) + step.key_bytes(first);
  block.values = static_cast<const std::byte*>(step.all.v) + step.value_bytes(first);
  const bool last = block.count == rest;
  block.next_keys = last ? static_cast<const std::byte*>(step.all.next_k)
                         : block.keys + step.key_bytes(block.count);
  block.next_values = last ? static_cast<const std::byte*>(step.all.next_v)
                           : block.values + step.value_bytes(block.count);
  return block;
}

inline void fetch(const std::byte* from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i, 0, 2);
}

/// What kRows rows have for each key of a block.
template <typename Pairs, int kRows>
struct Weights {
  float scores[kRows][Tile<Pairs>::kBlockKeys];        // then weights
  uint32_t pairs[kRows][Tile<Pairs>::kBlockKeys / 2];  // the weights, rounded
  float factors[kRows];                                // what those must be multiplied by
};

/// Adds the products of kRows queries' pair with those of kVectors vectors of keys.
template <typename Pairs, int kRows, int kVectors>
inline void add_pair(const uint32_t* queries, int64_t stride, const std::byte* const* keys,
                     int64_t offset, typename Pairs::Sum (&sums)[kRows][kVectors]) {
  UVec some[kVectors];
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) some[v] = Pairs::load_pairs(keys[v] + offset);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const UVec query = broadcast_pair(queries[r * stride]);
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sums[r][v] = Pairs::dot(sums[r][v], query, some[v]);
  }
}

/// Scores of kRows queries with a block's keys from `key` on.
template <typename Pairs, int kRows, int kVectors = Tile<Pairs>::key_vectors(kRows)>
inline void score_keys(const Step<Pairs>& step, int64_t row, const Block& block, int64_t key,
                       Weights<Pairs, kRows>& weights) {
  constexpr int kChains = Tile<Pairs>::kChains;
  constexpr int64_t kPairBytes = kKeysPerBlock * Pairs::kBytes;  // of a pair of channels
  constexpr int64_t kFetched = kChains * kVectors * kWidth * Pairs::kBytes;
  const int64_t stride = step.width / 2;
  const uint32_t* queries = step.all.queries + row * stride;
  for (; key + kVectors * kWidth <= block.count; key += kVectors * kWidth) {
    const std::byte* keys[kVectors];
    for (int v = 0; v < kVectors; ++v) keys[v] = block.keys + step.key_offset(key + v * kWidth);
    const std::byte* next = block.next_keys + step.key_bytes(key);
    typename Pairs::Sum sums[kChains][kRows][kVectors] = {};
    int64_t i = 0;
    for (; i + kChains <= step.pairs; i += kChains, next += kFetched) {
      fetch(next, kFetched);
#pragma GCC unroll 2
      for (int c = 0; c < kChains; ++c) {
        add_pair<Pairs>(queries + i + c, stride, keys, (i + c) * kPairBytes, sums[c]);
      }
    }
    for (; i < step.pairs; ++i) add_pair<Pairs>(queries + i, stride, keys, i * kPairBytes, sums[0]);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        typename Pairs::Sum sum = sums[0][r][v];
        if constexpr (kChains > 1) sum += sums[1][r][v];
        store(&weights.scores[r][key + v * kWidth], Pairs::to_float(sum));
      }
    }
  }
  if constexpr (kVectors > 1) {
    if (key < block.count) score_keys<Pairs, kRows, 1>(step, row, block, key, weights);
  }
}

/// Where a row's scores exceed its maximum so far, all that it has summed becomes relative to the
/// new one.
template <int kRows>
[[gnu::noinline]] void raise_maxima(const FewRowsStep& all, int64_t row, int64_t width,
                                    const Vec* largest, Vec* sums) {
  for (int64_t r = 0; r < kRows; ++r) {
    const float old_maximum = all.maxima[row + r];
    const float new_maximum = largest_of(largest[r]);
    if (!(new_maximum > old_maximum)) continue;
    all.maxima[row + r] = new_maximum;
    Vec scale = {};
    if (old_maximum > -__builtin_inff()) scale = exponential(broadcast(old_maximum - new_maximum));
    sums[r] *= scale;
    all.sums[row + r] *= scale[0];
    float* out = all.out + (row + r) * width;
    for (int64_t i = 0; i < width; i += kWidth) store(out + i, load(out + i) * scale);
  }
}

/// The online softmax: a block's scores become weights, which are added to sums, by lane.
template <typename Pairs, int kRows>
inline void softmax(const Step<Pairs>& step, int64_t row, const Block& block,
                    Weights<Pairs, kRows>& weights, Vec (&sums)[kRows]) {
  const FewRowsStep& all = step.all;
  const Vec never = broadcast(-__builtin_inff());
  Vec largest[kRows];
  IVec exceeds = {};
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const IVec limit =
        IVec{} + static_cast<int32_t>(all.limits[row + r] - all.first_key - block.first);
    largest[r] = never;
    for (int64_t j = 0; j < block.count; j += kWidth) {
      Vec score = load(&weights.scores[r][j]);
      if constexpr (Pairs::kBytes == 2) {
        score *= load(all.key_scales + block.first + j) * all.query_scales[row + r];
      }
      score = lane_numbers() + static_cast<int32_t>(j) < limit ? score : never;
      store(&weights.scores[r][j], score);
      largest[r] = maximum(largest[r], score);
    }
    exceeds |= largest[r] > broadcast(all.maxima[row + r]);
  }
  if (any_of(exceeds)) raise_maxima<kRows>(all, row, step.width, largest, sums);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const float maximum = all.maxima[row + r];
    const Vec base = broadcast(maximum > -__builtin_inff() ? maximum : 0.0f);
    for (int64_t j = 0; j < block.count; j += kWidth) {
      const Vec score = load(&weights.scores[r][j]);
      Vec weight = score == never ? Vec{} : exponential(score - base);  // of NaN, NaN
      sums[r] += weight;
      if constexpr (Pairs::kBytes == 2) weight *= load(all.value_scales + block.first + j);
      store(&weights.scores[r][j], weight);
    }
    weights.factors[r] = Pairs::round(weights.scores[r], block.count, weights.pairs[r]);
  }
}

/// out += weights V, of kSome rows from kFirst on and kVectors vectors of channels.
template <typename Pairs, int kFirst, int kSome, int kVectors, int kRows>
inline void add_vectors(const Step<Pairs>& step, int64_t row, const Block& block, int64_t channel,
                        const Weights<Pairs, kRows>& weights) {
  float* out = step.all.out + (row + kFirst) * step.width + channel;
  const std::byte* values = block.values + channel * Pairs::kBytes;
  const std::byte* next = block.next_values + channel * Pairs::kBytes;
  const int64_t stride = step.width * Pairs::kBytes;
  typename Pairs::Sum sums[kSome][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kSome; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = Pairs::first_sum(out + r * step.width + v * kWidth);
    }
  }
  for (int64_t j = 0; j < block.count / 2; ++j) {
    if constexpr (kFirst == 0) fetch(next + j * stride, kVectors * kWidth * Pairs::kBytes);
    UVec weight[kSome];
#pragma GCC unroll 8
    for (int r = 0; r < kSome; ++r) weight[r] = broadcast_pair(weights.pairs[kFirst + r][j]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const UVec some = Pairs::load_pairs(values + j * stride + v * kWidth * Pairs::kBytes);
#pragma GCC unroll 8
      for (int r = 0; r < kSome; ++r) sums[r][v] = Pairs::dot(sums[r][v], weight[r], some);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kSome; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      Pairs::last_sum(sums[r][v], weights.factors[kFirst + r], out + r * step.width + v * kWidth);
    }
  }
}

/// The same of kVectors vectors of channels at a time, and fewer at the end.
template <typename Pairs, int kFirst, int kSome, int kVectors, int kRows>
inline void add_channels(const Step<Pairs>& step, int64_t row, const Block& block, int64_t channel,
                         const Weights<Pairs, kRows>& weights) {
  for (; channel + kVectors * kWidth <= step.width; channel += kVectors * kWidth) {
    add_vectors<Pairs, kFirst, kSome, kVectors>(step, row, block, channel, weights);
  }
  if constexpr (kVectors > 1) {
    if (channel < step.width) {
      add_channels<Pairs, kFirst, kSome, kVectors / 2>(step, row, block, channel, weights);
    }
  }
}

template <typename Pairs, int kRows, int kFirst = 0>
inline void add_values(const Step<Pairs>& step, int64_t row, const Block& block,
                       const Weights<Pairs, kRows>& weights) {
  constexpr int kLeft = kRows - kFirst;
  constexpr int kSome = kLeft < Tile<Pairs>::kRows ? kLeft : Tile<Pairs>::kRows;
  add_channels<Pairs, kFirst, kSome, Tile<Pairs>::kChannelVectors>(step, row, block, 0, weights);
  if constexpr (kFirst + kSome < kRows) {
    add_values<Pairs, kRows, kFirst + kSome>(step, row, block, weights);
  }
}

template <typename Pairs, int kRows>
void attend_rows(const Step<Pairs>& step, int64_t row) {
  Weights<Pairs, kRows> weights;
  Vec sums[kRows] = {};
  for (int64_t first = 0; first < step.all.keys; first += Tile<Pairs>::kBlockKeys) {
    const Block block = block_at(step, first);
    score_keys(step, row, block, 0, weights);
    softmax(step, row, block, weights, sums);
    add_values(step, row, block, weights);
  }
  for (int r = 0; r < kRows; ++r) step.all.sums[row + r] += sum_of(sums[r]);
}

template <typename Pairs, int kRows = 8>
void attend_up_to(const Step<Pairs>& step, int64_t row, int64_t rows) {
  if (rows == kRows) {
    attend_rows<Pairs, kRows>(step, row);
  } else if constexpr (kRows > 1) {
    attend_up_to<Pairs, kRows - 1>(step, row, rows);
  }
}

/// At most 8 rows at a time, as many each time as evenly as may be.
template <typename Pairs>
void attend(const FewRowsStep& all) {
  const Step<Pairs> step = {all};
  const int64_t times = (all.rows + 7) / 8;
  for (int64_t i = 0; i < times; ++i) {
    const int64_t row = all.rows * i / times;
    attend_up_to(step, row, all.rows * (i + 1) / times - row);
  }
}

}  // namespace

void attend_few_rows(const FewRowsStep& step) {
  step.key_scales != nullptr ? attend<Int8Pairs>(step) : attend<Bf16Pairs>(step);
}

float round_query(const float* x, int64_t n, bool int8, uint32_t* pairs) {
  return int8 ? Int8Pairs::round(x, n, pairs) : Bf16Pairs::round(x, n, pairs);
}

}  // namespace owl3::cpu::OWL3_ISA
