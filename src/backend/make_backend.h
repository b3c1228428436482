// The backend that a model's options ask for.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "owl3/options.h"

namespace owl3 {

/// Of the options' threads and precision.
std::unique_ptr<Backend> make_backend(const ModelOptions& options);

}  // namespace owl3
