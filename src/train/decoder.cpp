#include "train/decoder.h"

#include <string>

#include "train/recompute.h"

namespace owl3::train {

using torch::Tensor;

DecoderAttentionImpl::DecoderAttentionImpl(const ModelConfig& config, Variant variant,
                                           bool is_hyper_layer)
    : head_size_(config.head_size()),
      variant_(variant),
      q_proj_(config.hidden_size, config.hidden_size, true),
      k_proj_(config.hidden_size, config.key_value_size(), true),
      v_proj_(config.hidden_size, config.key_value_size(), true),
      o_proj_(config.hidden_size, config.hidden_size, false) {
  register_module("q_proj", q_proj_);
  register_module("k_proj", k_proj_);
  register_module("v_proj", v_proj_);
  register_module("o_proj", o_proj_);
  if (!is_hyper_layer) return;
  v_kv_proj_ =
      register_module("v_kv_proj", Linear(config.hidden_size, 2 * config.key_value_size(), true));
  if (variant == Variant::kGated) {
    gate_ = register_parameter("gate", torch::zeros({config.hidden_size}));
  }
}

Tensor DecoderAttentionImpl::forward(const Tensor& h, const Tensor& u, const TorchBatch& batch) {
  const auto by_head = [&](const Tensor& x) { return x.unflatten(-1, {-1, head_size_}); };
  // q [B, T, H, d], k and v [B, T, Hkv, d], rotated by their places in the text
  const Tensor q = rotate(by_head(q_proj_(h)), batch.text_angles);
  const Tensor k = rotate(by_head(k_proj_(h)), batch.text_angles);
  const Tensor v = by_head(v_proj_(h));
  // text = softmax(q k^T / sqrt(d)) v, causal   [B, T, H, d]
  const AttentionOutput text = span_attention(q, k, v, batch.text);
  if (!v_kv_proj_ || batch.visual.empty()) return o_proj_(text.out.flatten(2));
  return o_proj_(mix(text, visual_attention(q, u, batch)));
}

AttentionOutput DecoderAttentionImpl::visual_attention(const Tensor& q, const Tensor& u,
                                                       const TorchBatch& batch) {
  const int64_t B = q.size(0), N = batch.images_per_row, L = u.size(1);
  // k_vis, v_vis = v_kv_proj(u), once per image   [U, L, Hkv, 2, d]
  const Tensor kv = v_kv_proj_(u).unflatten(-1, {-1, 2, head_size_});
  // where the rows have them   [B, N, L, Hkv, 2, d]
  const Tensor placed = kv.index_select(0, batch.images).unflatten(0, {B, N});
  // MI-RoPE: all keys of an image are rotated by its one place in the text
  const Tensor k = rotate(placed.select(-2, 0), batch.image_angles);
  const Tensor v = placed.select(-2, 1);
  // visual = softmax(q k_vis^T / sqrt(d)) v_vis over the images before the token   [B, T, H, d]
  return span_attention(q, k.reshape({B, N * L, -1, head_size_}),
                        v.reshape({B, N * L, -1, head_size_}), batch.visual);
}

/// -> [B, T, H * d]
Tensor DecoderAttentionImpl::mix(const AttentionOutput& text, const AttentionOutput& visual) const {
  if (variant_ == Variant::kUnified) {
    // one softmax over [visual keys ; text keys]: each part by its share of the sum
    const Tensor share = torch::sigmoid(visual.log_normaliser - text.log_normaliser).unsqueeze(-1);
    return torch::lerp(text.out, visual.out, share).flatten(2);
  }
  // (1 - g) * text + g * visual, g = sigmoid(gate); a token that sees no image keeps its text
  const Tensor sees = visual.log_normaliser.gt(kSeesNothing).unsqueeze(-1);  // [B, T, H, 1]
  const Tensor g = torch::sigmoid(gate_).view({-1, head_size_}) * sees;      // [B, T, H, d]
  return torch::lerp(text.out, visual.out, g).flatten(2);
}

DecoderMlpImpl::DecoderMlpImpl(int64_t size, int64_t intermediate_size)
    : gate_proj_(size, intermediate_size, false),
      up_proj_(size, intermediate_size, false),
      down_proj_(intermediate_size, size, false) {
  register_module("gate_proj", gate_proj_);
  register_module("up_proj", up_proj_);
  register_module("down_proj", down_proj_);
}

Tensor DecoderMlpImpl::forward(const Tensor& x) {
  return down_proj_(torch::silu(gate_proj_(x)) * up_proj_(x));
}

DecoderLayerImpl::DecoderLayerImpl(const ModelConfig& config, Variant variant, bool is_hyper_layer)
    : is_hyper_layer_(is_hyper_layer),
      input_layernorm_(config.hidden_size, config.rms_norm_eps),
      post_attention_layernorm_(config.hidden_size, config.rms_norm_eps),
      self_attn_(config, variant, is_hyper_layer),
      mlp_(config.hidden_size, config.intermediate_size) {
  register_module("self_attn", self_attn_);
  register_module("mlp", mlp_);
  register_module("input_layernorm", input_layernorm_);
  register_module("post_attention_layernorm", post_attention_layernorm_);
}

Tensor DecoderLayerImpl::forward(const Tensor& x, const Tensor& visual, const TorchBatch& batch) {
  // u = input_layernorm(visual embeddings), with the text's norm weights   [U, L, D]
  const Tensor u = is_hyper_layer_ && visual.defined() ? input_layernorm_(visual) : Tensor();
  // h = x + o_proj(attention(input_layernorm(x), u))   [B, T, D]
  const Tensor h = x + self_attn_(input_layernorm_(x), u, batch);
  // h + mlp(post_attention_layernorm(h))
  return h + mlp_(post_attention_layernorm_(h));
}

DecoderImpl::DecoderImpl(const ModelConfig& config, Variant variant)
    : embed_tokens_(config.vocab_size, config.hidden_size),
      norm_(config.hidden_size, config.rms_norm_eps) {
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    layers_->push_back(DecoderLayer(config, variant, config.is_hyper_layer(layer)));
  }
  const auto model = std::make_shared<torch::nn::Module>("Model");
  model->register_module("embed_tokens", embed_tokens_.ptr());
  model->register_module("layers", layers_.ptr());
  model->register_module("norm", norm_.ptr());
  register_module("model", model);
  if (!config.tie_word_embeddings) {
    lm_head_ = register_module("lm_head", Linear(config.hidden_size, config.vocab_size, false));
  }
}

Tensor DecoderImpl::hidden_states(const TorchBatch& batch, const Tensor& visual, bool recompute) {
  // The backward pass may come when the caller's batch is gone.
  const auto kept = recompute ? std::make_shared<const TorchBatch>(batch) : nullptr;
  Tensor x = torch::embedding(embed_tokens_->weight, batch.ids);  // [B, T, D]
  if (batch.inline_places.defined()) {
    // an image's visual embeddings in place of its tokens'   [n * L, D]
    const Tensor images = visual.index_select(0, batch.inline_images).flatten(0, 1);
    x = x.flatten(0, 1).index_copy(0, batch.inline_places, images.to(x.scalar_type())).view_as(x);
  }
  for (const auto& module : *layers_) {
    const auto layer = std::dynamic_pointer_cast<DecoderLayerImpl>(module);
    const Tensor read = layer->is_hyper_layer() ? visual : Tensor();
    if (recompute) {
      const auto block = [layer, kept](const std::vector<Tensor>& inputs) {
        return layer->forward(inputs[0], inputs[1], *kept);
      };
      x = recomputed(block, {x, read}, layer->parameters());
    } else {
      x = layer->forward(x, read, batch);
    }
  }
  return norm_(x);
}

Tensor DecoderImpl::logits(const Tensor& hidden) {
  const Tensor& head = lm_head_ ? lm_head_->weight : embed_tokens_->weight;
  return torch::linear(hidden, head).to(torch::kFloat32);
}

}  // namespace owl3::train
