// Asking for memory before it is needed. Included by kernel sources only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/fetch_ahead.h"

namespace owl3::cpu::OWL3_ISA {

/// Bytes that are fetched into the cache while others are multiplied: `step` with every unit.
struct Ahead {
  const std::byte* next;
  int64_t step;

  void fetch() {
    for (int64_t i = 0; i < step; i += 64) __builtin_prefetch(next + i, 0, 2);
    next += step;
  }
};

}  // namespace owl3::cpu::OWL3_ISA
