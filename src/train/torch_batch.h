// A batch of packed rows as the model reads it: tensors, and the plans of attention that all layers
// share.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "core/variant.h"
#include "formats/config.h"
#include "train/attention.h"
#include "train/layers.h"
#include "training_data/batch.h"

namespace owl3::train {

/// Made once per batch, on the device of the model.
struct TorchBatch {
  torch::Tensor ids;           // int64 [B, T]
  RotaryAngles text_angles;    // of every token
  AttentionPlan text;          // a token sees its segment up to itself
  torch::Tensor images;        // int64 [B * N] index into the batch's images, 0 for padding
  int64_t images_per_row = 0;  // N
  RotaryAngles image_angles;   // [B, N, 1, 1, d / 2]: one position for all keys of an image
  AttentionPlan visual;        // a token sees its segment's images before it
  /// In a model without hyper layers, whose images stand in the text (interleave.h): the places of
  /// their visual tokens, int64 [n * L] into B * T, and which images they are, [n].
  torch::Tensor inline_places, inline_images;
  /// Where something is to be learnt: the tokens whose hidden states are read (into B * T), and
  /// the ids that should follow them.
  torch::Tensor learnt, targets;  // int64 [label tokens]
};

/// A segment's images must stand together in its row, in the order of their tokens.
TorchBatch make_torch_batch(const Batch& rows, const ModelConfig& config, Variant variant,
                            torch::Device device = torch::kCPU);

}  // namespace owl3::train
