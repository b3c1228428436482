#include "backend/backend.h"

#include <cstring>

namespace owl3 {

size_t KeyValueBlock::bytes() const {
  size_t total = keys.size_bytes() + values.size_bytes();
  if (key_scales.defined()) total += key_scales.size_bytes() + value_scales.size_bytes();
  return total;
}

KeyValueBlock KeyValueBlock::copy() const {
  KeyValueBlock own = *this;
  for (Tensor* tensor : {&own.keys, &own.values, &own.key_scales, &own.value_scales}) {
    if (!tensor->defined()) continue;
    const Tensor from = *tensor;
    *tensor = make_tensor(from.dtype(), from.shape());
    std::memcpy(tensor->raw(), from.raw(), from.size_bytes());
  }
  return own;
}

}  // namespace owl3
