// LoRA adapters merged into the weights they stand beside: W + scale * B A.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "formats/lora_adapter.h"

namespace owl3 {

/// What adapters add to one matrix of a checkpoint.
class LoraDelta {
 public:
  /// `tensor`: the matrix's name, "....q_proj.weight".
  LoraDelta(std::span<const LoraAdapter> adapters, const std::string& tensor);

  bool empty() const { return products_.empty(); }
  /// Adds it to `count` weights, the first of them at place `first` of the row-major matrix.
  void add_to(float* weights, int64_t first, int64_t count) const;

 private:
  struct Product {
    std::vector<float> a;  // [r, inputs]
    std::vector<float> b;  // [outputs, r], times the scale
    int64_t rank = 0;
    int64_t inputs = 0;
  };

  std::vector<Product> products_;
};

/// Throws InputError for an adapter that doesn't fit the checkpoint, or that changes a head which
/// is also the embedding, and so has no weights of its own to merge it into.
void check_mergeable(const LoraAdapter& adapter, const Checkpoint& checkpoint);

}  // namespace owl3
