// Blocks of keys and values as they lie in the host's memory: the CPU's, and what memory files
// hold.
#pragma once

#include "backend/backend.h"

namespace owl3::cpu {

/// Empty, zeroed, for at least `capacity` positions (key_value_layout.h).
KeyValueBlock new_host_block(int64_t key_value_heads, int64_t capacity, int64_t d, DType dtype);

/// The head size of such a block, of which packed keys are an even number.
int64_t head_size_of(const KeyValueBlock& block);

}  // namespace owl3::cpu
