// Asking for memory before it is needed. Of internal linkage: kernels include it, too.
#pragma once

#include <cstdint>

namespace owl3::cpu {

/// Rows of heads lie so far apart that the processor doesn't see them coming: so many ahead.
static constexpr int64_t kRowsAhead = 8;

/// Has bytes fetched into the cache.
static inline void fetch_ahead(const void* p, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) {
    __builtin_prefetch(static_cast<const char*>(p) + i, 0, 2);
    asm volatile("");  // GCC takes a loop of nothing else for an empty one
  }
}

}  // namespace owl3::cpu
