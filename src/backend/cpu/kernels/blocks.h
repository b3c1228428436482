// Reading ggml's blocks. Included by kernel sources only.
#pragma once

#include "backend/cpu/kernels/simd.h"
#include "core/block_layouts.h"

namespace owl3::cpu::OWL3_ISA {

/// The 6-bit scales and mins of a Q4_K block, as 8 bytes each.
static inline void unpack_scales(const BlockQ4_K& block, uint32_t (&scales)[2],
                                 uint32_t (&mins)[2]) {
  uint32_t parts[3];
  __builtin_memcpy(parts, block.scales, sizeof parts);
  scales[0] = parts[0] & 0x3f3f3f3fu;
  mins[0] = parts[1] & 0x3f3f3f3fu;
  scales[1] = (parts[2] & 0x0f0f0f0fu) | ((parts[0] >> 2) & 0x30303030u);
  mins[1] = ((parts[2] >> 4) & 0x0f0f0f0fu) | ((parts[1] >> 2) & 0x30303030u);
}

}  // namespace owl3::cpu::OWL3_ISA
