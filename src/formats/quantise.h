// Runs of weights to element types and back: ggml's block types (core/block_layouts.h) and the
// plain ones. The same values give the same bytes on every machine, whatever the threads.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace owl3 {

/// The largest magnitude to be given to quantise(): of block types that of their scales, which are
/// IEEE half precision.
float largest_value(DType type);

/// Writes x[0..n) as elements of `type`; n must be whole blocks. The values must be finite and at
/// most largest_value(type) in magnitude: the caller checks, and names the tensor.
void quantise(DType type, const float* x, void* blocks, int64_t n);

/// The values of n elements of `type`; exact but for one rounding to float32 per operation of the
/// format's definition.
void dequantise(DType type, const void* blocks, float* x, int64_t n);

}  // namespace owl3
