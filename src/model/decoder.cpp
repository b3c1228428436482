#include "model/decoder.h"

#include <algorithm>
#include <cmath>

namespace owl3 {

namespace {

constexpr std::string_view kEmbedding = "language_model.model.embed_tokens";
constexpr std::string_view kLayers = "language_model.model.layers";
constexpr std::string_view kHead = "language_model.lm_head";

}  // namespace

size_t ImageMemory::bytes() const {
  size_t total = 0;
  for (const KeyValueBlock& block : layers) {
    total += block.bytes();
  }
  return total;
}

Decoder::Decoder(Backend& backend, const ModelConfig& config, Variant variant,
                 const DecoderWeights& weights, const FiniteCheck& check_finite, DType cache_dtype,
                 DType visual_dtype)
    : backend_(backend),
      config_(config),
      variant_(variant),
      weights_(weights),
      check_finite_(check_finite),
      cache_dtype_(cache_dtype),
      visual_dtype_(visual_dtype) {
  int64_t next = 0;
  for (const DecoderLayerWeights& layer : weights.layers) {
    hyper_index_.push_back(layer.is_hyper_layer() ? next++ : -1);
  }
}

Sequence Decoder::new_sequence() const {
  return {TextCache(config_.num_hidden_layers, config_.num_key_value_heads, config_.head_size(),
                    cache_dtype_),
          {}};
}

std::vector<ImageMemoryPtr> Decoder::remember(const Tensor& embeddings, int64_t tokens_per_image,
                                              const KeepGoing& keep_going) const {
  const int64_t images = embeddings.dim(0) / tokens_per_image;
  std::vector<std::shared_ptr<ImageMemory>> memories;
  for (int64_t i = 0; i < images; ++i) memories.push_back(std::make_shared<ImageMemory>());
  for (size_t layer = 0; layer < weights_.layers.size(); ++layer) {
    const DecoderLayerWeights& w = weights_.layers[layer];
    if (!w.is_hyper_layer()) continue;
    check_interrupt(keep_going);
    // u = input_layernorm(visual embeddings)   [n*L, D]
    const Tensor u = backend_.rms_norm(embeddings, w.input_layernorm, config_.rms_norm_eps);
    // k_vis, v_vis = v_kv_proj(u)   [n*L, Hkv, 2, d]
    const Tensor kv = linear(backend_, u, w.v_kv_proj);
    check_finite_(kv, kLayers, static_cast<int64_t>(layer));
    for (int64_t i = 0; i < images; ++i) {
      const Tensor of_image = kv.rows(i * tokens_per_image, (i + 1) * tokens_per_image);
      memories[static_cast<size_t>(i)]->layers.push_back(
          backend_.split_keys_values(of_image, config_.num_key_value_heads, visual_dtype_));
    }
  }
  return {memories.begin(), memories.end()};
}

Tensor Decoder::forward(Sequence& sequence, std::span<const int32_t> ids,
                        const KeepGoing& keep_going, const LayerObserver& observer) {
  const int64_t first_position = sequence.cache.length();
  const int64_t end = first_position + static_cast<int64_t>(ids.size());
  // A gated image's rotary position lies one behind its token.
  const Tensor rope = rope_table(end + 1);
  try {
    Tensor x = backend_.embedding(weights_.embed_tokens, ids);  // [T, D]
    check_finite_(x, kEmbedding);
    for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
      check_interrupt(keep_going);
      decoder_block(layer, sequence, rope, first_position, x);
      check_finite_(x, kLayers, layer);
      if (observer) observer(layer, x);
    }
    return x;
  } catch (...) {
    sequence.cache.truncate(first_position);  // no layer ahead of another
    throw;
  }
}

void Decoder::decoder_block(int64_t layer, Sequence& sequence, const Tensor& rope,
                            int64_t first_position, Tensor& x) const {
  const DecoderLayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
  const double eps = config_.rms_norm_eps;

  // x = x + o_proj(attention(input_layernorm(x)))
  Tensor h = backend_.rms_norm(x, w.input_layernorm, eps);
  const Tensor a = attention(layer, sequence, rope, first_position, h);  // [T, H*d]
  linear_add(backend_, x, a, w.o_proj);

  // x = x + down_proj(silu(gate_proj(h)) * up_proj(h)), h = post_attention_layernorm(x)
  h = backend_.rms_norm(x, w.post_attention_layernorm, eps);
  const Tensor gate = linear(backend_, h, w.gate_proj);
  const Tensor up = linear(backend_, h, w.up_proj);
  linear_add(backend_, x, backend_.swiglu(gate, up), w.down_proj);
}

Tensor Decoder::attention(int64_t layer, Sequence& sequence, const Tensor& rope,
                          int64_t first_position, const Tensor& h) const {
  const DecoderLayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
  const int64_t tokens = h.dim(0);
  const int64_t d = config_.head_size();
  const Shape query_heads = {tokens, config_.num_attention_heads, d};
  const Shape key_value_heads = {tokens, config_.num_key_value_heads, d};

  // q [T, H, d], k and v [T, Hkv, d]
  const Tensor q = linear(backend_, h, w.q_proj).reshaped(query_heads);
  const Tensor k = linear(backend_, h, w.k_proj).reshaped(key_value_heads);
  const Tensor v = linear(backend_, h, w.v_proj).reshaped(key_value_heads);
  sequence.cache.append(backend_, layer, backend_.rotate(k, rope, first_position), v);

  // text = softmax(rotate(q) rotate(k)^T / sqrt(d)) v, causal   [T, H, d]
  const AttentionPart text = backend_.causal_attention(backend_.rotate(q, rope, first_position),
                                                       sequence.cache.pages(layer), first_position);
  const Tensor out = w.is_hyper_layer()
                         ? hyper_attention(layer, sequence, rope, first_position, q, text)
                         : text.out;
  return out.reshaped({tokens, config_.num_attention_heads * d});
}

Tensor Decoder::hyper_attention(int64_t layer, const Sequence& sequence, const Tensor& rope,
                                int64_t first_position, const Tensor& q,
                                const AttentionPart& text) const {
  const DecoderLayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
  const auto hyper_index = static_cast<size_t>(hyper_index_[static_cast<size_t>(layer)]);
  const std::vector<VisibleImage> images =
      visible_images(sequence, hyper_index, first_position + q.dim(0) - 1);
  if (images.empty()) return text.out;

  // visual = softmax(rotate(q, t - p_i) k_vis^T / sqrt(d)) v_vis over the images before t
  const AttentionPart visual = backend_.visual_attention(q, images, rope, first_position);
  if (variant_ == Variant::kUnified) {
    // one softmax over [visual keys ; text keys]
    return backend_.join_softmax(text, visual);
  }
  // (1 - g) * text + g * visual, g = sigmoid(gate)
  return backend_.mix_by_gate(text, visual, w.gate);
}

std::vector<VisibleImage> Decoder::visible_images(const Sequence& sequence, size_t hyper_index,
                                                  int64_t last_position) const {
  const int64_t offset = image_position_offset(variant_);
  std::vector<VisibleImage> images;
  for (const PlacedImage& image : sequence.images) {
    const int64_t position = image.token_index + offset;
    if (position > last_position) break;
    images.push_back({image.memory->layers[hyper_index], position, position});
  }
  return images;
}

Tensor Decoder::logits(const Tensor& hidden) const {
  const Tensor h = backend_.rms_norm(hidden, weights_.norm, config_.rms_norm_eps);
  Tensor logits = linear(backend_, h, weights_.lm_head);
  check_finite_(logits, config_.tie_word_embeddings ? kEmbedding : kHead);
  return logits;
}

Tensor Decoder::rope_table(int64_t positions) {
  if (rope_.defined() && rope_.dim(0) >= positions) return rope_;
  const int64_t d = config_.head_size();
  const int64_t half = d / 2;
  positions = std::max<int64_t>(1024, 2 * positions);
  Tensor table = make_tensor(DType::kF32, {positions, d});
  for (int64_t i = 0; i < half; ++i) {
    // float32 throughout, as the reference computes its angles
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(d);
    const float frequency = 1.0f / std::pow(static_cast<float>(config_.rope_theta), exponent);
    for (int64_t t = 0; t < positions; ++t) {
      const float angle = static_cast<float>(t) * frequency;
      table.f32()[t * d + i] = std::cos(angle);
      table.f32()[t * d + half + i] = std::sin(angle);
    }
  }
  rope_ = table;
  return rope_;
}

}  // namespace owl3
