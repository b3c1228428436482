// Whether a device's repeated steps give what its steps give.
#pragma once

#include "backend/backend.h"

namespace owl3 {

/// Tried with a small step over keys and values of these types, which also makes the device load
/// what only recordings use.
bool repeated_steps_work(Backend& backend, DType text_type, DType image_type);

}  // namespace owl3
