// What is wrong with a question that is longer than what the model can read.
#pragma once

#include "owl3/error.h"

namespace owl3 {

/// The line says by how much, and what to do.
class ContextExceeded final : public UsageError {
 public:
  using UsageError::UsageError;
};

}  // namespace owl3
