// The weights a model starts with when no checkpoint gives them.
#pragma once

#include <cstdint>
#include <string>

#include "train/model.h"

namespace owl3::train {

struct InitialiseOptions {
  uint64_t seed = 0;
  /// Standard deviation of the decoder's and projector's matrices and of the embeddings; 0.02 is
  /// the family's own (`initializer_range`).
  double deviation = 0.02;
  /// What the gates of hyper layers start at. sigmoid(-2) = 0.12: the language model hears images
  /// softly at first, and the gate's own gradient, g (1 - g), is still half of its greatest.
  double gate = -2.0;
  /// Above 0, the first head of the first hyper layer looks at the nearest image before a token,
  /// this strongly (preferred_distance.h). So the words behind an image can remember what it shows,
  /// by which later layers find it. A peak that sharp is long in being learnt from nothing.
  double nearest_image = 0;
  /// Above 0, the first two layers start with heads that find what was said before and copy it,
  /// this sharply (copying_heads.h).
  double copying = 0;
};

/// Fills every parameter, the same for the same seed on any machine: linear layers and embeddings
/// normal, with deviation / sqrt(2 layers) where they write into the residual stream, as in GPT-2;
/// biases 0, norms 1; the vision encoder's matrices with deviation 1 / sqrt(inputs), which a deep
/// encoder trained from nothing wants. New hyper layers leave the language model nearly
/// unharmed: the value half of v_kv_proj is 0, so that images add nothing before something is
/// learnt, and gates are nearly shut. (In the unified variant the images' keys take part in the
/// text's softmax from the first step on; only their values can be silent.) The key half is random:
/// with both halves 0 neither would get a gradient.
void initialise(Owl3ModuleImpl& module, const InitialiseOptions& options);

/// An encoder of pre-training, of images or texts, like the vision encoder above. `prefix` tells
/// the random numbers of its tensors from those of another.
void initialise_encoder(const torch::nn::Module& encoder, const std::string& prefix, uint64_t seed);

}  // namespace owl3::train
