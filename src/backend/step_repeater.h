// Steps of decoding that are alike: a device may note once what such a step consists of, and be
// told to do all of it again, where it would have to be told every operation by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace owl3 {

/// What a step consists of. Steps of equal kinds are made of the same operations in the same order
/// on the same memory; they differ in numbers of the host that operations are given (ids,
/// positions, how many positions of a block are filled).
struct StepKind {
  /// The memory, as far as it is not the step's own. A tensor may stand for others that are never
  /// replaced without it.
  std::vector<const Tensor*> memory;
  std::vector<int64_t> numbers;  // how the memory is shared out
};

/// A step for as long as it lasts.
class StepScope {
 public:
  virtual ~StepScope() = default;
};

/// An operation could not be noted or repeated. Nothing of the step may be used; the next time all
/// its operations are done.
class StepNotRepeated final : public Error {
 public:
  using Error::Error;
};

class StepRepeater {
 public:
  virtual ~StepRepeater() = default;

  /// What this thread asks of the backend until it downloads something, once, is a step of this
  /// kind. Ending the scope before that gives the step up. Nothing where this kind isn't repeated.
  /// Operations of the step throw StepNotRepeated. One thread at a time begins steps.
  virtual std::unique_ptr<StepScope> begin(const StepKind& kind) = 0;
};

}  // namespace owl3
