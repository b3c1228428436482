// What parts of the model compute is looked at as it comes: not a number is never an answer. It
// costs a pass over activations, a thousandth of the products that made them.
#pragma once

#include <optional>
#include <string_view>

#include "backend/backend.h"
#include "formats/checkpoint.h"
#include "owl3/options.h"

namespace owl3 {

class FiniteCheck {
 public:
  FiniteCheck(Backend& backend, const Checkpoint& checkpoint, const ModelOptions& options)
      : backend_(backend), checkpoint_(checkpoint), options_(options) {}

  /// Throws InputError unless all rows of x are finite, which the tensors under `part`
  /// ("vision_model.encoder.layers", of that layer if one is given) computed. Only then are the
  /// weights of the part read, so that the message names file and tensor.
  void operator()(const Tensor& x, std::string_view part,
                  std::optional<int64_t> layer = std::nullopt) const {
    if (!backend_.has_finite_rows(x)) fail(part, layer);
  }

 private:
  [[noreturn]] void fail(std::string_view part, std::optional<int64_t> layer) const;

  Backend& backend_;
  const Checkpoint& checkpoint_;
  const ModelOptions options_;
};

}  // namespace owl3
