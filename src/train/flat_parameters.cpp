#include "train/flat_parameters.h"

#include <algorithm>

#include "core/error.h"

namespace owl3::train {

FlatParameters::FlatParameters(std::vector<NamedParameter> parameters, bool no_decay_on_vectors,
                               int64_t parts) {
  if (parameters.empty()) throw UsageError("nothing of this model is to be trained");
  const auto spared = [&](const NamedParameter& parameter) {
    return no_decay_on_vectors && parameter.tensor.dim() <= 1;
  };
  const auto first_spared = std::stable_partition(parameters.begin(), parameters.end(),
                                                  [&](const auto& one) { return !spared(one); });
  for (auto it = parameters.begin(); it != parameters.end(); ++it) {
    if (it == first_spared) decayed_ = size_;
    places_.push_back({it->name, size_, it->tensor.numel(), it->tensor});
    size_ += it->tensor.numel();
  }
  if (first_spared == parameters.end()) decayed_ = size_;
  const int64_t length = (size_ + parts - 1) / parts * parts;
  const torch::NoGradGuard no_grad;
  const auto options = places_.front().tensor.options().requires_grad(false);
  OWL3_CHECK(options.dtype() == torch::kFloat32);
  values_ = torch::zeros({length}, options);
  gradients_ = torch::zeros({length}, options);
  for (Place& place : places_) {
    const torch::Tensor view = values_.narrow(0, place.begin, place.size).view_as(place.tensor);
    view.copy_(place.tensor);
    place.tensor.set_data(view);
    place.tensor.mutable_grad() =
        gradients_.narrow(0, place.begin, place.size).view_as(place.tensor);
  }
}

void FlatParameters::zero_gradients() {
  gradients_.zero_();
}

}  // namespace owl3::train
