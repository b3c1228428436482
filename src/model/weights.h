// The weights of mPLUG-Owl3 under the names of the paper and the checkpoints.
//
// Matrices are as the backend prepares them: on the CPU they stay where the checkpoint maps them.
// Vectors (norms, biases, gates) and the position embedding, a thousandth of the whole, are
// converted to float32 once.
#pragma once

#include <span>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/lora_adapter.h"
#include "model/adapted_linear.h"

namespace owl3 {

struct LayerNormWeights {
  Tensor weight;
  Tensor bias;
};

/// One SigLIP encoder layer. Dv: vision width.
struct VisionLayerWeights {
  LayerNormWeights layer_norm1, layer_norm2;
  AdaptedLinear q_proj, k_proj, v_proj, out_proj;  // [Dv, Dv]
  AdaptedLinear fc1, fc2;
};

struct VisionWeights {
  Linear patch_embedding;                  // [Dv, 3*P*P]
  Tensor position_embedding;               // [L, Dv]
  std::vector<VisionLayerWeights> layers;  // without the unused last one
};

/// vision2text_model: one linear layer (gated), or two with GELU between (unified).
struct ProjectorWeights {
  std::vector<AdaptedLinear> layers;
};

/// One Qwen2 decoder layer; a hyper layer has v_kv_proj, and in the gated variant a gate.
struct DecoderLayerWeights {
  Tensor input_layernorm, post_attention_layernorm;
  AdaptedLinear q_proj, k_proj, v_proj, o_proj;
  AdaptedLinear gate_proj, up_proj, down_proj;
  AdaptedLinear v_kv_proj;  // [2*Hkv*d, D]; undefined in plain layers
  Tensor gate;  // sigmoid(gate) [H*d]; undefined in plain layers and the unified variant

  bool is_hyper_layer() const { return v_kv_proj.defined(); }
};

struct DecoderWeights {
  Tensor embed_tokens;  // [V, D]
  std::vector<DecoderLayerWeights> layers;
  Tensor norm;
  AdaptedLinear lm_head;  // [V, D], embed_tokens when tied
};

struct Owl3Weights {
  VisionWeights vision;
  ProjectorWeights projector;
  DecoderWeights decoder;
};

/// The encoder layers' products in int8, but for those of adapters. The patch embedding, a
/// thousandth of the work, stays.
void round_layers(Backend& backend, VisionWeights& weights);

/// The checkpoint's weights with adapters laid over them. Throws InputError for an adapter that
/// doesn't fit.
Owl3Weights load_weights(const Checkpoint& checkpoint, std::span<const LoraAdapter> adapters,
                         Backend& backend);

}  // namespace owl3
