#include "backend/backend.h"

namespace owl3 {

size_t KeyValueBlock::bytes() const {
  size_t total = keys.size_bytes() + values.size_bytes();
  if (key_scales.defined()) total += key_scales.size_bytes() + value_scales.size_bytes();
  return total;
}

}  // namespace owl3
