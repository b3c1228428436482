// Gradient checkpointing: a block's activations are not kept but computed again when its gradients
// are wanted, for a third more arithmetic and a fraction of the memory.
#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

namespace owl3::train {

/// block(inputs) -> one tensor. It must give the same again: dropout repeats, as the state of the
/// random numbers is kept.
using RecomputedBlock = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

/// block(inputs), whose gradients flow to `inputs` and `parameters`: those are all the tensors with
/// gradients that the block may use. Undefined tensors are passed on as they are.
torch::Tensor recomputed(const RecomputedBlock& block, const std::vector<torch::Tensor>& inputs,
                         const std::vector<torch::Tensor>& parameters);

}  // namespace owl3::train
