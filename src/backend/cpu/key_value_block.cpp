// Making and filling blocks of keys and values (key_value_layout.h).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/host_block.h"
#include "core/threads.h"

namespace owl3 {

namespace {

using cpu::packed_key_index;
using cpu::packed_value_index;

/// Rows of one head to be stored: keys and values `stride` floats apart.
struct HeadRows {
  const float* keys;
  const float* values;
  int64_t stride;
  int64_t count;
  int64_t d;
};

// Rounds a row to int8 with one scale, which is NaN where the row holds NaN or an infinity.
float quantise_row(const float* x, int64_t d, int8_t* rounded) {
  float largest = 0;
  float nan_or_zero = 0;
  for (int64_t i = 0; i < d; ++i) {
    largest = std::max(largest, std::fabs(x[i]));
    nan_or_zero += x[i] * 0.0f;
  }
  if (std::isnan(nan_or_zero)) {
    std::fill_n(rounded, d, int8_t{0});
    return nan_or_zero;
  }
  const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
  for (int64_t i = 0; i < d; ++i) {
    rounded[i] = static_cast<int8_t>(std::lrint(x[i] * inverse));
  }
  return largest / 127.0f;
}

void store_int8(const HeadRows& rows, KeyValueBlock& block, int64_t head) {
  const int64_t key_bytes = block.keys.row_size();
  const int64_t value_bytes = block.values.row_size();
  auto* keys = block.keys.data<int8_t>() + head * key_bytes;
  auto* values = block.values.data<int8_t>() + head * value_bytes;
  float* key_scales = block.key_scales.f32() + head * block.capacity;
  float* value_scales = block.value_scales.f32() + head * block.capacity;
  std::vector<int8_t> rounded(static_cast<size_t>(rows.d));
  for (int64_t t = 0; t < rows.count; ++t) {
    const int64_t position = block.count + t;
    key_scales[position] = quantise_row(rows.keys + t * rows.stride, rows.d, rounded.data());
    for (int64_t i = 0; i < rows.d; ++i) {
      keys[packed_key_index(position, i, rows.d)] = rounded[static_cast<size_t>(i)];
    }
    value_scales[position] = quantise_row(rows.values + t * rows.stride, rows.d, rounded.data());
    for (int64_t i = 0; i < rows.d; ++i) {
      values[packed_value_index(position, i, rows.d)] = rounded[static_cast<size_t>(i)];
    }
  }
}

void store_float(const HeadRows& rows, KeyValueBlock& block, int64_t head) {
  for (int64_t t = 0; t < rows.count; ++t) {
    const int64_t to = (head * block.capacity + block.count + t) * rows.d;
    const auto bytes = static_cast<size_t>(rows.d) * sizeof(float);
    std::memcpy(block.keys.f32() + to, rows.keys + t * rows.stride, bytes);
    std::memcpy(block.values.f32() + to, rows.values + t * rows.stride, bytes);
  }
}

/// Writes rows behind the head's `count` ones.
void store_rows(const cpu::Kernels& kernels, const HeadRows& rows, KeyValueBlock& block,
                int64_t head) {
  switch (block.keys.dtype()) {
    case DType::kF32:
      return store_float(rows, block, head);
    case DType::kBF16:
      kernels.pack_keys(rows.keys, rows.stride, rows.count, block.count, rows.d,
                        block.keys.data<uint16_t>() + head * block.keys.row_size());
      kernels.pack_values(rows.values, rows.stride, rows.count, block.count, rows.d,
                          block.values.data<uint16_t>() + head * block.values.row_size());
      return;
    default:
      return store_int8(rows, block, head);
  }
}

}  // namespace

KeyValueBlock CpuBackend::new_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) {
  return cpu::new_host_block(heads, capacity, d, dtype);
}

KeyValueBlock CpuBackend::copy(const KeyValueBlock& block) {
  KeyValueBlock own = block;
  for (Tensor* tensor : {&own.keys, &own.values, &own.key_scales, &own.value_scales}) {
    if (!tensor->defined()) continue;
    const Tensor from = *tensor;
    *tensor = make_tensor(from.dtype(), from.shape());
    std::memcpy(tensor->raw(), from.raw(), from.size_bytes());
  }
  return own;
}

void CpuBackend::append(KeyValueBlock& block, const Tensor& keys, const Tensor& values) {
  const int64_t tokens = keys.dim(0);
  const int64_t heads = keys.dim(1);
  const int64_t d = keys.dim(2);
  OWL3_CHECK(block.count + tokens <= block.capacity && heads == block.heads);
  constexpr int64_t kParallelTokens = 64;
  parallel_for(tokens < kParallelTokens ? 1 : threads_, heads, [&](int64_t head) {
    store_rows(*kernels_, {keys.f32() + head * d, values.f32() + head * d, heads * d, tokens, d},
               block, head);
  });
  block.count += tokens;
}

KeyValueBlock CpuBackend::split_keys_values(const Tensor& kv, int64_t key_value_heads,
                                            DType dtype) {
  const int64_t tokens = kv.dim(0);
  const int64_t d = kv.row_size() / (2 * key_value_heads);
  KeyValueBlock block = new_block(key_value_heads, tokens, d, dtype);
  parallel_for(threads_, key_value_heads, [&](int64_t head) {
    const float* pairs = kv.f32() + head * 2 * d;
    store_rows(*kernels_, {pairs, pairs + d, kv.row_size(), tokens, d}, block, head);
  });
  block.count = tokens;
  return block;
}

}  // namespace owl3
