// Deterministic random weights, as fast as memory can take them.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/dtype.h"

namespace owl3 {

/// The key of one tensor's random stream.
uint64_t random_key(uint64_t seed, std::string_view tensor_name);

/// Fills values[0..count-1] with elements first..first+count-1 of the tensor's stream: mean 0, the
/// given standard deviation, close to normal, at most 3.5 deviations from 0. An element depends on
/// the key and its index alone, never on how the tensor is cut.
void fill_random(DType dtype, void* values, int64_t first, int64_t count, uint64_t key,
                 float deviation);

/// Fills values[0..count-1] with one value.
void fill_constant(DType dtype, void* values, int64_t count, float value);

}  // namespace owl3
