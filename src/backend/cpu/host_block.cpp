#include "backend/cpu/host_block.h"

#include "backend/cpu/key_value_layout.h"

namespace owl3::cpu {

KeyValueBlock new_host_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) {
  KeyValueBlock block;
  block.heads = heads;
  if (dtype == DType::kF32) {
    block.capacity = capacity;
    block.keys = make_tensor(dtype, {heads, capacity, d});
    block.values = make_tensor(dtype, {heads, capacity, d});
    return block;
  }
  OWL3_CHECK(dtype == DType::kBF16 || dtype == DType::kI8);
  block.capacity = padded_keys(capacity);
  block.keys =
      make_tensor(dtype, {heads, block.capacity / kKeysPerBlock, head_pairs(d), kKeysPerBlock, 2});
  block.values = make_tensor(dtype, {heads, block.capacity / 2, padded_head_size(d), 2});
  if (dtype == DType::kI8) {
    block.key_scales = make_tensor(DType::kF32, {heads, block.capacity});
    block.value_scales = make_tensor(DType::kF32, {heads, block.capacity});
  }
  return block;
}

int64_t head_size_of(const KeyValueBlock& block) {
  return block.keys.dtype() == DType::kF32 ? block.keys.dim(2) : block.keys.dim(2) * 2;
}

}  // namespace owl3::cpu
