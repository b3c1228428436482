// Asking for memory before it is needed. Included by kernel sources only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace owl3::cpu::OWL3_ISA {

/// Has bytes fetched into the cache.
inline void fetch_ahead(const std::byte* p, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) {
    __builtin_prefetch(p + i, 0, 2);
    asm volatile("");  // GCC takes a loop of nothing else for an empty one
  }
}

/// The same while others are multiplied: `step` with every unit.
struct Ahead {
  const std::byte* next;
  int64_t step;

  void fetch() {
    for (int64_t i = 0; i < step; i += 64) __builtin_prefetch(next + i, 0, 2);
    next += step;
  }
};

}  // namespace owl3::cpu::OWL3_ISA
