// The weights of mPLUG-Owl3 under the names of the paper and the checkpoints.
//
// Matrices stay where the checkpoint maps them; vectors (norms, biases, gates) and the position
// embedding, a thousandth of the whole, are converted to float32 once.
#pragma once

#include <vector>

#include "backend/backend.h"
#include "formats/checkpoint.h"

namespace owl3 {

struct LayerNormWeights {
  Tensor weight;
  Tensor bias;
};

/// One SigLIP encoder layer. Dv: vision width.
struct VisionLayerWeights {
  LayerNormWeights layer_norm1, layer_norm2;
  Linear q_proj, k_proj, v_proj, out_proj;  // [Dv, Dv]
  Linear fc1, fc2;
};

struct VisionWeights {
  Linear patch_embedding;                  // [Dv, 3*P*P]
  Tensor position_embedding;               // [L, Dv]
  std::vector<VisionLayerWeights> layers;  // without the unused last one
};

/// vision2text_model: one linear layer (gated), or two with GELU between (unified).
struct ProjectorWeights {
  std::vector<Linear> layers;
};

/// One Qwen2 decoder layer; a hyper layer has v_kv_proj, and in the gated variant a gate.
struct DecoderLayerWeights {
  Tensor input_layernorm, post_attention_layernorm;
  Linear q_proj, k_proj, v_proj, o_proj;
  Linear gate_proj, up_proj, down_proj;
  Linear v_kv_proj;  // [2*Hkv*d, D]; undefined in plain layers
  Tensor gate;       // sigmoid(gate) [H*d]; undefined in plain layers and the unified variant

  bool is_hyper_layer() const { return v_kv_proj.weight.defined(); }
};

struct DecoderWeights {
  Tensor embed_tokens;  // [V, D]
  std::vector<DecoderLayerWeights> layers;
  Tensor norm;
  Linear lm_head;  // [V, D], embed_tokens when tied
};

struct Owl3Weights {
  VisionWeights vision;
  ProjectorWeights projector;
  DecoderWeights decoder;
};

/// The encoder layers' products in int8. The patch embedding, a thousandth of the work, stays.
void round_layers(Backend& backend, VisionWeights& weights);

Owl3Weights load_weights(const Checkpoint& checkpoint, Backend& backend);

}  // namespace owl3
