#include "model/siglip.h"

namespace owl3 {

void check_interrupt(const KeepGoing& keep_going) {
  if (keep_going && !keep_going()) throw Interrupted("interrupted");
}

namespace {

// x = patches W^T + b + position_embedding   [n*L, Dv]
Tensor embed_patches(Backend& backend, const VisionConfig& config, const VisionWeights& weights,
                     const Tensor& pixel_values) {
  // [n*L, 3*P*P]
  const Tensor patches = backend.patches(backend.upload(pixel_values), config.patch_size);
  Tensor x = backend.linear(patches, weights.patch_embedding, Activation::kNone);
  backend.add_repeated(x, weights.position_embedding);
  return x;
}

// One pre-norm transformer block, in place on x [n*L, Dv].
void encoder_block(Backend& backend, const VisionConfig& config, const VisionLayerWeights& w,
                   Tensor& x) {
  const Shape by_head = {x.dim(0), config.num_attention_heads, config.head_size()};
  const double eps = config.layer_norm_eps;

  // h = LayerNorm1(x)
  Tensor h = backend.layer_norm(x, w.layer_norm1.weight, w.layer_norm1.bias, eps);
  // q, k, v = h W^T + b   [n*L, heads, 72]
  const Tensor q = linear(backend, h, w.q_proj).reshaped(by_head);
  const Tensor k = linear(backend, h, w.k_proj).reshaped(by_head);
  const Tensor v = linear(backend, h, w.v_proj).reshaped(by_head);
  // a = softmax(q k^T / sqrt(72)) v, each image on its own
  const Tensor a = backend.self_attention(q, k, v, config.tokens_per_image());
  // x = x + out_proj(a)
  linear_add(backend, x, a.reshaped(x.shape()), w.out_proj);

  // x = x + fc2(gelu(fc1(LayerNorm2(x))))
  h = backend.layer_norm(x, w.layer_norm2.weight, w.layer_norm2.bias, eps);
  h = linear(backend, h, w.fc1, Activation::kGeluTanh);
  linear_add(backend, x, h, w.fc2);
}

}  // namespace

Tensor siglip_encode(Backend& backend, const VisionConfig& config, const VisionWeights& weights,
                     FiniteCheck& check_finite, const Tensor& pixel_values,
                     const KeepGoing& keep_going) {
  Tensor x = embed_patches(backend, config, weights, pixel_values);
  check_finite(x, "vision_model.embeddings");
  for (size_t layer = 0; layer < weights.layers.size(); ++layer) {
    check_interrupt(keep_going);
    encoder_block(backend, config, weights.layers[layer], x);
    check_finite(x, "vision_model.encoder.layers", static_cast<int64_t>(layer));
  }
  return x;
}

Tensor project_features(Backend& backend, const ProjectorWeights& weights, const Tensor& features) {
  if (weights.layers.size() == 1) {
    return linear(backend, features, weights.layers[0]);
  }
  const Tensor h = linear(backend, features, weights.layers[0], Activation::kGeluErf);
  return linear(backend, h, weights.layers[1]);
}

}  // namespace owl3
