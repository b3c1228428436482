// The SigLIP vision encoder and the projector: pixels to visual embeddings.
#pragma once

#include <functional>

#include "model/finite_check.h"
#include "model/weights.h"

namespace owl3 {

/// Asked between layers; false interrupts the work with Interrupted.
using KeepGoing = std::function<bool()>;
void check_interrupt(const KeepGoing& keep_going);

/// Hidden states after the second-to-last encoder layer, without the final LayerNorm.
/// pixel_values [n, 3, S, S] in [-1, 1], in the host's memory -> [n*L, Dv]
Tensor siglip_encode(Backend& backend, const VisionConfig& config, const VisionWeights& weights,
                     FiniteCheck& check_finite, const Tensor& pixel_values,
                     const KeepGoing& keep_going = {});

/// vision2text_model.  [n*L, Dv] -> visual embeddings [n*L, D]
Tensor project_features(Backend& backend, const ProjectorWeights& weights, const Tensor& features);

}  // namespace owl3
