#include "train/vision.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>

#include "core/error.h"

namespace owl3::train {

using torch::Tensor;

namespace {

/// softmax(q k^T / sqrt(d) + mask) v.  q [n, Lq, H, d], k and v [n, L, H, d] -> [n, Lq, H * d]
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  Tensor scores = torch::matmul((q * scale).transpose(1, 2), k.permute({0, 2, 3, 1}));
  if (mask.defined()) scores = scores + mask;
  const Tensor weights = torch::softmax(scores, -1, torch::kFloat32);  // [n, H, Lq, L]
  return torch::matmul(weights.to(v.scalar_type()), v.transpose(1, 2)).transpose(1, 2).flatten(2);
}

}  // namespace

PatchEmbeddingImpl::PatchEmbeddingImpl(const VisionConfig& config)
    : side_(config.patches_per_side()) {
  const int64_t P = config.patch_size;
  weight = register_parameter("weight", torch::zeros({config.hidden_size, 3, P, P}));
  bias = register_parameter("bias", torch::zeros({config.hidden_size}));
}

Tensor PatchEmbeddingImpl::forward(const Tensor& pixels) {
  const int64_t P = weight.size(2);
  const int64_t covered = side_ * P;  // pixels beyond the last whole patch fall off
  const Tensor patches = pixels.slice(2, 0, covered)
                             .slice(3, 0, covered)
                             .reshape({pixels.size(0), 3, side_, P, side_, P})
                             .permute({0, 2, 4, 1, 3, 5})
                             .reshape({pixels.size(0), side_ * side_, 3 * P * P});
  // x = patches W^T + b   [n, L, Dv]
  return torch::linear(patches, weight.flatten(1), bias);
}

VisionEmbeddingsImpl::VisionEmbeddingsImpl(const VisionConfig& config)
    : patch_embedding_(config), position_embedding_(config.tokens_per_image(), config.hidden_size) {
  register_module("patch_embedding", patch_embedding_);
  register_module("position_embedding", position_embedding_);
}

Tensor VisionEmbeddingsImpl::forward(const Tensor& pixels) {
  return patch_embedding_(pixels) + position_embedding_->weight;
}

EncoderAttentionImpl::EncoderAttentionImpl(int64_t size, int64_t heads)
    : heads_(heads),
      q_proj_(size, size, true),
      k_proj_(size, size, true),
      v_proj_(size, size, true),
      out_proj_(size, size, true) {
  register_module("q_proj", q_proj_);
  register_module("k_proj", k_proj_);
  register_module("v_proj", v_proj_);
  register_module("out_proj", out_proj_);
}

Tensor EncoderAttentionImpl::forward(const Tensor& x, const Tensor& mask) {
  const auto by_head = [&](const Tensor& y) { return y.unflatten(-1, {heads_, -1}); };
  // q, k, v = x W^T + b   [n, L, heads, d]
  const Tensor q = by_head(q_proj_(x)), k = by_head(k_proj_(x)), v = by_head(v_proj_(x));
  // out_proj(softmax(q k^T / sqrt(d)) v)   [n, L, Dv]
  return out_proj_(attend(q, k, v, mask));
}

EncoderMlpImpl::EncoderMlpImpl(int64_t size, int64_t intermediate_size)
    : fc1_(size, intermediate_size, true), fc2_(intermediate_size, size, true) {
  register_module("fc1", fc1_);
  register_module("fc2", fc2_);
}

Tensor EncoderMlpImpl::forward(const Tensor& x) {
  return fc2_(torch::gelu(fc1_(x), "tanh"));
}

EncoderLayerImpl::EncoderLayerImpl(int64_t size, int64_t heads, int64_t intermediate_size,
                                   double eps)
    : layer_norm1_(size, eps),
      layer_norm2_(size, eps),
      self_attn_(size, heads),
      mlp_(size, intermediate_size) {
  register_module("layer_norm1", layer_norm1_);
  register_module("self_attn", self_attn_);
  register_module("layer_norm2", layer_norm2_);
  register_module("mlp", mlp_);
}

Tensor EncoderLayerImpl::forward(const Tensor& x, const Tensor& mask) {
  // h = x + attention(LayerNorm1(x))
  const Tensor h = x + self_attn_(layer_norm1_(x), mask);
  // h + mlp(LayerNorm2(h))   [n, L, Dv]
  return h + mlp_(layer_norm2_(h));
}

VisionModelImpl::VisionModelImpl(const VisionConfig& config, bool with_pooling)
    : embeddings_(config), layers_used_(config.layers_used()) {
  register_module("embeddings", embeddings_);
  const int64_t layers = with_pooling ? config.num_hidden_layers : config.layers_used();
  for (int64_t layer = 0; layer < layers; ++layer) {
    layers_->push_back(EncoderLayer(config.hidden_size, config.num_attention_heads,
                                    config.intermediate_size, config.layer_norm_eps));
  }
  const auto encoder = std::make_shared<torch::nn::Module>("Encoder");
  encoder->register_module("layers", layers_.ptr());
  register_module("encoder", encoder);
  if (!with_pooling) return;
  post_layernorm_ =
      register_module("post_layernorm", LayerNorm(config.hidden_size, config.layer_norm_eps));
}

Tensor VisionModelImpl::features(const Tensor& pixels) {
  Tensor x = embeddings_(pixels);
  for (int64_t layer = 0; layer < layers_used_; ++layer) {
    x = layers_[static_cast<size_t>(layer)]->as<EncoderLayer>()->forward(x);
  }
  return x;
}

Tensor VisionModelImpl::pooled(const Tensor& pixels) {
  OWL3_CHECK(post_layernorm_);
  Tensor x = features(pixels);
  for (size_t layer = static_cast<size_t>(layers_used_); layer < layers_->size(); ++layer) {
    x = layers_[layer]->as<EncoderLayer>()->forward(x);
  }
  x = post_layernorm_(x);  // [n, L, Dv]
  if (!is_training()) return x.mean(1);
  const int64_t pooled_tokens = std::max<int64_t>(x.size(1) / 4, 1);
  const Tensor chosen = std::get<1>(torch::rand({x.size(0), x.size(1)}).topk(pooled_tokens, 1));
  const Tensor where = chosen.to(x.device()).unsqueeze(-1).expand({-1, -1, x.size(2)});
  return x.gather(1, where).mean(1);
}

}  // namespace owl3::train
