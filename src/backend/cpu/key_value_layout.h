// How keys and values lie in a KeyValueBlock on the CPU.
//
// float32: [Hkv, capacity, d], both. bf16: in pairs, as the dot products of attention read them
// whichever side is the vector. Keys in blocks of 16: [Hkv, capacity/16, d/2, 16, 2], a pair being
// two channels of one key; values [Hkv, capacity/2, D, 2] with D = d rounded up to 16, a pair being
// one channel of two keys. int8: the same order of bytes, with a scale per key and head
// ([Hkv, capacity], both) that meets the scores and the weights. Capacities are multiples of 16;
// what lies behind `count` is zero.
//
// Constants and arithmetic only, so that the kernels include it too.
#pragma once

#include <cstdint>

namespace owl3::cpu {

inline constexpr int64_t kKeysPerBlock = 16;

static constexpr int64_t head_pairs(int64_t d) {
  return (d + 1) / 2;
}
static constexpr int64_t padded_head_size(int64_t d) {
  return (d + 15) / 16 * 16;
}
static constexpr int64_t padded_keys(int64_t count) {
  return (count + kKeysPerBlock - 1) / kKeysPerBlock * kKeysPerBlock;
}

/// Index of a channel of a key, and of a value, in one head's part of a packed block.
static constexpr int64_t packed_key_index(int64_t position, int64_t channel, int64_t d) {
  return ((position / kKeysPerBlock * head_pairs(d) + channel / 2) * kKeysPerBlock +
          position % kKeysPerBlock) *
             2 +
         channel % 2;
}
static constexpr int64_t packed_value_index(int64_t position, int64_t channel, int64_t d) {
  return (position / 2 * padded_head_size(d) + channel) * 2 + position % 2;
}

}  // namespace owl3::cpu
