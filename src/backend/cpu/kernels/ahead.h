// Asking for memory before it is needed. Included by kernel sources only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/fetch_ahead.h"

namespace owl3::cpu::OWL3_ISA {

/// Bytes that are fetched into the cache while others are multiplied: kStep with every unit.
template <int64_t kStep>
struct Ahead {
  const std::byte* next;  // nullptr: nothing

  [[gnu::always_inline]] inline void fetch() {
    if (next == nullptr) return;
#pragma GCC unroll 32
    for (int64_t i = 0; i < kStep; i += 64) __builtin_prefetch(next + i, 0, 2);
    next += kStep;
  }
};

}  // namespace owl3::cpu::OWL3_ISA
