#include "formats/tensor_names.h"

#include <fmt/format.h>

namespace owl3 {

namespace {

/// Collects tensors under a common prefix.
class Table {
 public:
  Table(std::vector<ExpectedTensor>& tensors, std::string prefix, ModelPart part)
      : tensors_(tensors), prefix_(std::move(prefix)), part_(part) {}

  void add(const char* name, Shape shape) const {
    tensors_.push_back({prefix_ + name, std::move(shape), part_});
  }

 private:
  std::vector<ExpectedTensor>& tensors_;
  std::string prefix_;
  ModelPart part_;
};

void add_vision_layer(std::vector<ExpectedTensor>& tensors, const VisionConfig& vision,
                      int64_t layer, ModelPart part) {
  const int64_t Dv = vision.hidden_size;
  const int64_t F = vision.intermediate_size;
  const Table t(tensors, fmt::format("vision_model.encoder.layers.{}.", layer), part);
  t.add("self_attn.q_proj.weight", {Dv, Dv});
  t.add("self_attn.q_proj.bias", {Dv});
  t.add("self_attn.k_proj.weight", {Dv, Dv});
  t.add("self_attn.k_proj.bias", {Dv});
  t.add("self_attn.v_proj.weight", {Dv, Dv});
  t.add("self_attn.v_proj.bias", {Dv});
  t.add("self_attn.out_proj.weight", {Dv, Dv});
  t.add("self_attn.out_proj.bias", {Dv});
  t.add("layer_norm1.weight", {Dv});
  t.add("layer_norm1.bias", {Dv});
  t.add("layer_norm2.weight", {Dv});
  t.add("layer_norm2.bias", {Dv});
  t.add("mlp.fc1.weight", {F, Dv});
  t.add("mlp.fc1.bias", {F});
  t.add("mlp.fc2.weight", {Dv, F});
  t.add("mlp.fc2.bias", {Dv});
}

void add_vision_model(std::vector<ExpectedTensor>& tensors, const VisionConfig& vision) {
  const int64_t Dv = vision.hidden_size;
  const int64_t P = vision.patch_size;
  const Table t(tensors, "vision_model.embeddings.", ModelPart::kVision);
  t.add("patch_embedding.weight", {Dv, 3, P, P});
  t.add("patch_embedding.bias", {Dv});
  t.add("position_embedding.weight", {vision.tokens_per_image(), Dv});
  for (int64_t layer = 0; layer < vision.layers_used(); ++layer) {
    add_vision_layer(tensors, vision, layer, ModelPart::kVision);
  }
}

void add_projector(std::vector<ExpectedTensor>& tensors, const ModelConfig& config,
                   Variant variant) {
  const int64_t Dv = config.vision.hidden_size;
  const int64_t D = config.hidden_size;
  const Table t(tensors, "vision2text_model.", ModelPart::kProjector);
  if (variant == Variant::kGated) {
    t.add("weight", {D, Dv});
    t.add("bias", {D});
  } else {
    t.add("0.weight", {D, Dv});
    t.add("0.bias", {D});
    t.add("2.weight", {D, D});
    t.add("2.bias", {D});
  }
}

void add_decoder_layer(std::vector<ExpectedTensor>& tensors, const ModelConfig& config,
                       Variant variant, int64_t layer) {
  const int64_t D = config.hidden_size;
  const int64_t KV = config.key_value_size();  // Hkv * d
  const int64_t F = config.intermediate_size;
  const std::string prefix = fmt::format("language_model.model.layers.{}.", layer);
  const Table t(tensors, prefix, ModelPart::kDecoder);
  t.add("self_attn.q_proj.weight", {D, D});
  t.add("self_attn.q_proj.bias", {D});
  t.add("self_attn.k_proj.weight", {KV, D});
  t.add("self_attn.k_proj.bias", {KV});
  t.add("self_attn.v_proj.weight", {KV, D});
  t.add("self_attn.v_proj.bias", {KV});
  t.add("self_attn.o_proj.weight", {D, D});
  if (config.is_hyper_layer(layer)) {
    const Table hyper(tensors, prefix, ModelPart::kHyper);
    hyper.add("self_attn.v_kv_proj.weight", {2 * KV, D});
    hyper.add("self_attn.v_kv_proj.bias", {2 * KV});
    if (variant == Variant::kGated) hyper.add("self_attn.gate", {D});
  }
  t.add("mlp.gate_proj.weight", {F, D});
  t.add("mlp.up_proj.weight", {F, D});
  t.add("mlp.down_proj.weight", {D, F});
  t.add("input_layernorm.weight", {D});
  t.add("post_attention_layernorm.weight", {D});
}

void add_decoder(std::vector<ExpectedTensor>& tensors, const ModelConfig& config, Variant variant) {
  const int64_t D = config.hidden_size;
  const int64_t V = config.vocab_size;
  const Table t(tensors, "language_model.", ModelPart::kDecoder);
  t.add("model.embed_tokens.weight", {V, D});
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    add_decoder_layer(tensors, config, variant, layer);
  }
  t.add("model.norm.weight", {D});
  if (!config.tie_word_embeddings) t.add("lm_head.weight", {V, D});
}

}  // namespace

bool is_kept_plain(const ExpectedTensor& tensor) {
  return tensor.shape.size() == 1 || tensor.name.ends_with("position_embedding.weight");
}

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config, Variant variant) {
  std::vector<ExpectedTensor> tensors;
  add_decoder(tensors, config, variant);
  add_vision_model(tensors, config.vision);
  add_projector(tensors, config, variant);
  return tensors;
}

std::vector<ExpectedTensor> unused_tensors(const ModelConfig& config) {
  const int64_t Dv = config.vision.hidden_size;
  const int64_t F = config.vision.intermediate_size;
  std::vector<ExpectedTensor> tensors;
  add_vision_layer(tensors, config.vision, config.vision.layers_used(), ModelPart::kUnused);
  const Table t(tensors, "vision_model.", ModelPart::kUnused);
  t.add("post_layernorm.weight", {Dv});
  t.add("post_layernorm.bias", {Dv});
  t.add("head.probe", {1, 1, Dv});
  t.add("head.attention.in_proj_weight", {3 * Dv, Dv});
  t.add("head.attention.in_proj_bias", {3 * Dv});
  t.add("head.attention.out_proj.weight", {Dv, Dv});
  t.add("head.attention.out_proj.bias", {Dv});
  t.add("head.layernorm.weight", {Dv});
  t.add("head.layernorm.bias", {Dv});
  t.add("head.mlp.fc1.weight", {F, Dv});
  t.add("head.mlp.fc1.bias", {F});
  t.add("head.mlp.fc2.weight", {Dv, F});
  t.add("head.mlp.fc2.bias", {Dv});
  return tensors;
}

bool is_unused_tensor(const ModelConfig& config, std::string_view name) {
  const std::string last_layer =
      fmt::format("vision_model.encoder.layers.{}.", config.vision.layers_used());
  return name.starts_with(last_layer) || name.starts_with("vision_model.post_layernorm.") ||
         name.starts_with("vision_model.head.") ||
         // A tied head is the embedding; some writers store it a second time.
         (config.tie_word_embeddings && name == "language_model.lm_head.weight");
}

}  // namespace owl3
