// What SigLIP's pre-training made of words and images, for a new decoder to begin with.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>

#include "train/model.h"

namespace owl3::train {

/// The space in which that loss puts images and the words of their captions side by side, in
/// coordinates along its principal components.
struct SiglipSpace {
  torch::Tensor words;       // [vocabulary, Dv] without their mean
  torch::Tensor components;  // [Dv, Dv] the largest first
};

/// `siglip` is the model of a run of task: siglip, as below. Throws InputError.
SiglipSpace load_siglip_space(const std::filesystem::path& siglip, int64_t vocabulary);

/// What a linear layer makes of an image's features.
struct LinearMap {
  torch::Tensor weight;  // [hidden, Dv]
  torch::Tensor bias;    // [hidden]
};

/// turn(LayerNorm(x)) times the deviation of x, which a decoder's norm takes out again. The norm is
/// the encoder's final one. turn [hidden, Dv]. Throws InputError.
LinearMap turned_features(Owl3ModuleImpl& module, const std::filesystem::path& siglip,
                          const torch::Tensor& turn, uint64_t seed);

/// Makes a projector of two layers that linear one, its values of the root mean square `size`:
/// where GELU's input is far above 0, its output is its input.
void fill_two_layers(Owl3ModuleImpl& module, const LinearMap& map, double size, uint64_t seed);

}  // namespace owl3::train
