// AdamW whose state is spread over the processes (ZeRO, stage 1): each keeps the moments of its own
// part of the parameters, updates that part, and gets the others' parts from them.
#pragma once

#include <cstdint>

#include "runs/recipe.h"
#include "train/distributed.h"
#include "train/flat_parameters.h"

namespace owl3::train {

class ShardedAdamW {
 public:
  /// The parameters and processes must outlive it.
  ShardedAdamW(FlatParameters& parameters, Processes& processes, const OptimizerRecipe& options);

  /// One update by the gradients as they are: already summed over all processes and clipped.
  void step(double learning_rate);

  int64_t steps() const { return steps_; }
  /// This process's part: [begin(), begin() + length) of the flat parameters.
  int64_t begin() const { return begin_; }
  const torch::Tensor& first_moment() const { return first_moment_; }
  const torch::Tensor& second_moment() const { return second_moment_; }
  /// To go on from a checkpoint, whose moments are copied into the two tensors.
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  FlatParameters* parameters_;
  Processes* processes_;
  OptimizerRecipe options_;
  int64_t steps_ = 0;
  int64_t begin_ = 0;
  torch::Tensor first_moment_;   // [length / world]
  torch::Tensor second_moment_;  // [length / world]
};

/// Norm of all gradients; when it is finite and above `max_norm` (0: never), they are scaled to it.
double clip_gradients(FlatParameters& parameters, double max_norm);

}  // namespace owl3::train
