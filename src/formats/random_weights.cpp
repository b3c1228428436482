// A counter-based generator: each element is a hash of its index. The four bytes of a 32-bit hash
// are added; their sum (0..1020, mean 510) is nearly normal, and needs no logarithm or cosine. All
// steps are plain 32-bit arithmetic over independent elements, which the compiler vectorises.
#include "formats/random_weights.h"

#include <algorithm>

#include "core/error.h"

namespace owl3 {

namespace {

// The stream is keyed anew every block, so that 32-bit counters suffice for tensors of any size.
constexpr int64_t kBlock = 1 << 16;
constexpr float kByteSumMean = 510.0f;
constexpr float kByteSumDeviation = 147.80054f;  // sqrt(4 * (256^2 - 1) / 12)

uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
  return x ^ (x >> 32);
}

inline uint32_t mix32(uint32_t x, uint32_t key) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = ((x ^ (x >> 15)) + key) * 0x846ca68bu;
  return x ^ (x >> 16);
}

inline float centred_byte_sum(uint32_t hash) {
  const uint32_t pairs = (hash & 0x00ff00ffu) + ((hash >> 8) & 0x00ff00ffu);
  const auto sum = static_cast<int32_t>((pairs & 0xffffu) + (pairs >> 16));
  return static_cast<float>(sum) - kByteSumMean;
}

/// Elements begin..begin+count-1 of a block. `count` is the loop's own, so that it vectorises.
template <typename Element, typename Convert>
void fill_block(Element* values, uint32_t begin, size_t count, uint64_t block_key, float scale,
                const Convert& convert) {
  const auto low = static_cast<uint32_t>(block_key);
  const auto high = static_cast<uint32_t>(block_key >> 32);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t hash = mix32((begin + static_cast<uint32_t>(i)) ^ low, high);
    values[i] = convert(centred_byte_sum(hash) * scale);
  }
}

/// Fills the piece of each block that the range touches.
template <typename Element, typename Convert>
void fill_blocks(Element* values, int64_t first, int64_t count, uint64_t key, float scale,
                 const Convert& convert) {
  for (int64_t done = 0; done < count;) {
    const int64_t block = (first + done) / kBlock;
    const int64_t begin = (first + done) % kBlock;
    const int64_t end = std::min(kBlock, begin + count - done);
    fill_block(values + done, static_cast<uint32_t>(begin), static_cast<size_t>(end - begin),
               mix64(key + static_cast<uint64_t>(block)), scale, convert);
    done += end - begin;
  }
}

}  // namespace

uint64_t random_key(uint64_t seed, std::string_view tensor_name) {
  uint64_t key = mix64(seed + 0x9e3779b97f4a7c15u);
  for (const char c : tensor_name) key = mix64(key ^ static_cast<unsigned char>(c));
  return key;
}

void fill_random(DType dtype, void* values, int64_t first, int64_t count, uint64_t key,
                 float deviation) {
  const float scale = deviation / kByteSumDeviation;
  switch (dtype) {
    case DType::kF32:
      return fill_blocks(static_cast<float*>(values), first, count, key, scale,
                         [](float value) { return value; });
    case DType::kBF16:
      return fill_blocks(static_cast<bf16*>(values), first, count, key, scale,
                         [](float value) { return bf16::from_float(value); });
    case DType::kF16:
      return fill_blocks(static_cast<f16*>(values), first, count, key, scale,
                         [](float value) { return f16::from_float(value); });
    default:
      OWL3_CHECK(!is_quantised(dtype));
  }
  OWL3_CHECK(false);
}

void fill_constant(DType dtype, void* values, int64_t count, float value) {
  switch (dtype) {
    case DType::kF32:
      std::fill_n(static_cast<float*>(values), count, value);
      return;
    case DType::kBF16:
      std::fill_n(static_cast<bf16*>(values), count, bf16::from_float(value));
      return;
    case DType::kF16:
      std::fill_n(static_cast<f16*>(values), count, f16::from_float(value));
      return;
    default:
      OWL3_CHECK(!is_quantised(dtype));
  }
  OWL3_CHECK(false);
}

}  // namespace owl3
