#include "model/weights.h"

#include "formats/finite_weights.h"

namespace owl3 {

namespace {

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, std::span<const LoraAdapter> adapters, Backend& backend)
      : checkpoint_(checkpoint), adapters_(adapters), backend_(backend) {
    for (const LoraAdapter& adapter : adapters) check_lora_adapter(adapter, checkpoint);
  }

  const Tensor& matrix(const std::string& name) const { return checkpoint_.tensor(name); }
  /// Of vectors and the position embedding, which are read now, NaN is found now: some of it, such
  /// as an infinite gate, shows in no activation.
  Tensor floats(const std::string& name) const {
    const Tensor& tensor = matrix(name);
    check_finite(tensor, name, checkpoint_.file_of(name).string());
    return backend_.to_float(backend_.upload(tensor));
  }

  /// A matrix and, if the checkpoint has one, its bias.
  Linear stored_linear(const std::string& name) const {
    return {matrix(name + ".weight"),
            checkpoint_.contains(name + ".bias") ? floats(name + ".bias") : Tensor()};
  }
  Linear prepared(const Linear& layer) const {
    return backend_.prepare(layer, WeightForm::kAsStored);
  }
  AdaptedLinear linear(const std::string& name) const { return adapted(name, stored_linear(name)); }
  AdaptedLinear adapted(const std::string& name, const Linear& base) const {
    AdaptedLinear layer = {prepared(base)};
    for (const LoraAdapter& adapter : adapters_) {
      const auto found = adapter.layers.find(name);
      if (found == adapter.layers.end()) continue;
      const LoraPair& pair = found->second;
      const Tensor a = backend_.scaled(backend_.upload(pair.a), adapter.scale);
      layer.adapters.push_back({prepared({a, Tensor()}), prepared({pair.b, Tensor()})});
    }
    return layer;
  }
  LayerNormWeights layer_norm(const std::string& name) const {
    return {floats(name + ".weight"), floats(name + ".bias")};
  }

  VisionWeights vision() const {
    const VisionConfig& config = checkpoint_.config().vision;
    const std::string embeddings = "vision_model.embeddings.";
    VisionWeights w;
    Linear patch_embedding = stored_linear(embeddings + "patch_embedding");
    patch_embedding.weight = patch_embedding.weight.reshaped(
        {config.hidden_size, 3 * config.patch_size * config.patch_size});
    w.patch_embedding = prepared(patch_embedding);
    w.position_embedding = floats(embeddings + "position_embedding.weight");
    for (int64_t i = 0; i < config.layers_used(); ++i) {
      const std::string layer = fmt::format("vision_model.encoder.layers.{}.", i);
      w.layers.push_back({layer_norm(layer + "layer_norm1"), layer_norm(layer + "layer_norm2"),
                          linear(layer + "self_attn.q_proj"), linear(layer + "self_attn.k_proj"),
                          linear(layer + "self_attn.v_proj"), linear(layer + "self_attn.out_proj"),
                          linear(layer + "mlp.fc1"), linear(layer + "mlp.fc2")});
    }
    return w;
  }

  ProjectorWeights projector() const {
    if (checkpoint_.variant() == Variant::kGated) return {{linear("vision2text_model")}};
    return {{linear("vision2text_model.0"), linear("vision2text_model.2")}};
  }

  DecoderLayerWeights decoder_layer(int64_t i) const {
    const std::string layer = fmt::format("language_model.model.layers.{}.", i);
    const std::string attention = layer + "self_attn.";
    DecoderLayerWeights w;
    w.input_layernorm = floats(layer + "input_layernorm.weight");
    w.post_attention_layernorm = floats(layer + "post_attention_layernorm.weight");
    w.q_proj = linear(attention + "q_proj");
    w.k_proj = linear(attention + "k_proj");
    w.v_proj = linear(attention + "v_proj");
    w.o_proj = linear(attention + "o_proj");
    w.gate_proj = linear(layer + "mlp.gate_proj");
    w.up_proj = linear(layer + "mlp.up_proj");
    w.down_proj = linear(layer + "mlp.down_proj");
    if (!checkpoint_.config().is_hyper_layer(i)) return w;
    w.v_kv_proj = linear(attention + "v_kv_proj");
    if (checkpoint_.variant() == Variant::kGated) {
      w.gate = floats(attention + "gate");
      backend_.activate(w.gate, Activation::kSigmoid);
    }
    return w;
  }

  DecoderWeights decoder() const {
    const ModelConfig& config = checkpoint_.config();
    DecoderWeights w;
    w.embed_tokens = backend_.upload(matrix("language_model.model.embed_tokens.weight"));
    for (int64_t i = 0; i < config.num_hidden_layers; ++i) w.layers.push_back(decoder_layer(i));
    w.norm = floats("language_model.model.norm.weight");
    const std::string lm_head = "language_model.lm_head";
    w.lm_head =
        config.tie_word_embeddings ? adapted(lm_head, {w.embed_tokens, Tensor()}) : linear(lm_head);
    return w;
  }

 private:
  const Checkpoint& checkpoint_;
  std::span<const LoraAdapter> adapters_;
  Backend& backend_;
};

}  // namespace

void round_layers(Backend& backend, VisionWeights& weights) {
  std::vector<Linear*> layers;
  for (VisionLayerWeights& layer : weights.layers) {
    for (AdaptedLinear* linear :
         {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.out_proj, &layer.fc1, &layer.fc2}) {
      layers.push_back(&linear->base);
    }
  }
  backend.prepare_all(layers, WeightForm::kInt8);
}

Owl3Weights load_weights(const Checkpoint& checkpoint, std::span<const LoraAdapter> adapters,
                         Backend& backend) {
  const Loader loader(checkpoint, adapters, backend);
  return {loader.vision(), loader.projector(), loader.decoder()};
}

}  // namespace owl3
