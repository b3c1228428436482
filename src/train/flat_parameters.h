// The trained tensors of a model and their gradients, each laid end to end in one flat tensor.
//
// Summing gradients over processes, clipping and the optimiser are then few operations over long
// vectors, whatever the number of tensors, and ZeRO's shards are equal parts of them. The model's
// own tensors become views of the flat one, so nothing is copied back and forth.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "train/parameter_groups.h"

namespace owl3::train {

class FlatParameters {
 public:
  /// A tensor's place.
  struct Place {
    std::string name;
    int64_t begin = 0;
    int64_t size = 0;
    torch::Tensor tensor;
  };

  /// Takes the tensors over. Those of at most one dimension (norms, biases, gates) come last when
  /// `no_decay_on_vectors`, as weight decay spares them. The length is padded with zeros to a
  /// multiple of `parts`.
  FlatParameters(std::vector<NamedParameter> parameters, bool no_decay_on_vectors, int64_t parts);

  const std::vector<Place>& places() const { return places_; }
  /// [length()] each; the model's tensors and gradients lie in them.
  const torch::Tensor& values() const { return values_; }
  const torch::Tensor& gradients() const { return gradients_; }
  int64_t length() const { return values_.numel(); }
  /// Without the padding.
  int64_t size() const { return size_; }
  /// Weight decay applies to [0, decayed()).
  int64_t decayed() const { return decayed_; }

  void zero_gradients();

 private:
  std::vector<Place> places_;
  int64_t size_ = 0;
  int64_t decayed_ = 0;
  torch::Tensor values_;
  torch::Tensor gradients_;
};

}  // namespace owl3::train
