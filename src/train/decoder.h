// The Qwen2 decoder with hyper attention, under its official names (`language_model.*`).
#pragma once

#include <torch/nn/modules/container/modulelist.h>

#include "core/variant.h"
#include "formats/config.h"
#include "train/layers.h"
#include "train/torch_batch.h"

namespace owl3::train {

/// Self-attention; in a hyper layer also attention to the images, mixed in by gate or by a joint
/// softmax.
class DecoderAttentionImpl : public torch::nn::Module {
 public:
  DecoderAttentionImpl(const ModelConfig& config, Variant variant, bool is_hyper_layer);
  /// h [B, T, D] and u [U, L, D]: text and images after the layer's norm; u undefined without
  /// images. -> [B, T, D]
  torch::Tensor forward(const torch::Tensor& h, const torch::Tensor& u, const TorchBatch& batch);

 private:
  AttentionOutput visual_attention(const torch::Tensor& q, const torch::Tensor& u,
                                   const TorchBatch& batch);
  torch::Tensor mix(const AttentionOutput& text, const AttentionOutput& visual) const;

  int64_t head_size_;
  Variant variant_;
  Linear q_proj_, k_proj_, v_proj_, o_proj_;
  Linear v_kv_proj_{nullptr};  // hyper layers
  torch::Tensor gate_;         // [D], gated hyper layers
};
TORCH_MODULE(DecoderAttention);

/// down_proj(silu(gate_proj(x)) * up_proj(x))
class DecoderMlpImpl : public torch::nn::Module {
 public:
  DecoderMlpImpl(int64_t size, int64_t intermediate_size);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Linear gate_proj_, up_proj_, down_proj_;
};
TORCH_MODULE(DecoderMlp);

class DecoderLayerImpl : public torch::nn::Module {
 public:
  DecoderLayerImpl(const ModelConfig& config, Variant variant, bool is_hyper_layer);
  /// x [B, T, D], visual embeddings [U, L, D] or undefined -> [B, T, D]
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& visual,
                        const TorchBatch& batch);
  bool is_hyper_layer() const { return is_hyper_layer_; }

 private:
  bool is_hyper_layer_;
  RmsNorm input_layernorm_, post_attention_layernorm_;
  DecoderAttention self_attn_;
  DecoderMlp mlp_;
};
TORCH_MODULE(DecoderLayer);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(const ModelConfig& config, Variant variant);

  /// The hidden states after the final norm. visual embeddings [U, L, D] or undefined -> [B, T, D].
  /// With `recompute`, the activations of a layer are computed a second time instead of kept.
  torch::Tensor hidden_states(const TorchBatch& batch, const torch::Tensor& visual, bool recompute);
  /// [..., D] -> float32 [..., V]
  torch::Tensor logits(const torch::Tensor& hidden);

 private:
  Table embed_tokens_;
  torch::nn::ModuleList layers_;
  RmsNorm norm_;
  Linear lm_head_{nullptr};  // none when tied
};
TORCH_MODULE(Decoder);

}  // namespace owl3::train
