// What parts of the model compute is looked at as it comes: not a number is never an answer. It
// costs a pass over activations, a thousandth of the products that made them. A device is not
// waited for at every part: what it found is asked for once, when all of a step is on its way.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "formats/checkpoint.h"
#include "owl3/options.h"

namespace owl3 {

class FiniteCheck {
 public:
  FiniteCheck(Backend& backend, const Checkpoint& checkpoint, const ModelOptions& options)
      : backend_(backend), checkpoint_(checkpoint), options_(options) {}

  /// Throws InputError unless all rows of x are finite, which the tensors under `part`
  /// ("vision_model.encoder.layers", of that layer if one is given) computed: at once where x lies
  /// in the host's memory, else when settle() is called. Only then are the weights of the part
  /// read, so that the message names file and tensor.
  void operator()(const Tensor& x, std::string_view part,
                  std::optional<int64_t> layer = std::nullopt);
  /// Asks for what was found since the last time, and throws for the first that is not finite. What
  /// was computed meanwhile may be used only then.
  void settle();
  /// The same, and the content of float32 x in the host's memory: the device is waited for once.
  Tensor settle_and_download(const Tensor& x);
  /// Instead, where nothing of it will be used.
  void forget() { parts_.clear(); }

 private:
  struct Part {
    std::string name;
    std::optional<int64_t> layer;
  };

  // Throws for the first of the parts whose flag is 0.
  void check(const std::vector<Part>& parts, const float* flags) const;
  [[noreturn]] void fail(std::string_view part, std::optional<int64_t> layer) const;

  Backend& backend_;
  const Checkpoint& checkpoint_;
  const ModelOptions options_;
  Tensor flags_;             // by part, on the backend's device
  std::vector<Part> parts_;  // that were not asked for yet
};

}  // namespace owl3
