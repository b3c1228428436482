#include "formats/config.h"

#include <algorithm>

#include "core/error.h"
#include "formats/json_reader.h"

namespace owl3 {

namespace {

// Far above any model of this family, low enough that no product of them overflows int64.
constexpr int64_t kMaxWidth = 1 << 18;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxVocabulary = 1 << 26;
constexpr int64_t kMaxPositions = 1 << 30;
constexpr int64_t kMaxImageSize = 8192;
constexpr size_t kMaxConfigBytes = 4 << 20;

void require_divides(const JsonReader& config, const char* whole_key, int64_t whole,
                     const char* part_key, int64_t part) {
  if (whole % part == 0) return;
  config.fail(whole_key, fmt::format("({}) is not a multiple of {} ({})", whole, part_key, part));
}

void require_activation(const JsonReader& config, std::string_view only) {
  const auto activation = config.optional_string("hidden_act");
  if (!activation || *activation == only) return;
  config.fail("hidden_act", fmt::format("is \"{}\"; only \"{}\" is supported", *activation, only));
}

VisionConfig parse_vision_config(const JsonReader& config) {
  VisionConfig vision;
  vision.hidden_size = config.integer("hidden_size", 1, kMaxWidth);
  // The features are those of the second-to-last layer: there must be one.
  vision.num_hidden_layers = config.integer("num_hidden_layers", 2, kMaxLayers);
  vision.num_attention_heads = config.integer("num_attention_heads", 1, kMaxWidth);
  vision.intermediate_size = config.integer("intermediate_size", 1, kMaxWidth);
  vision.image_size = config.integer("image_size", 1, kMaxImageSize);
  vision.patch_size = config.integer("patch_size", 1, kMaxImageSize);
  vision.layer_norm_eps = config.optional_number("layer_norm_eps", 0, 1).value_or(1e-6);
  require_divides(config, "hidden_size", vision.hidden_size, "num_attention_heads",
                  vision.num_attention_heads);
  if (vision.patch_size > vision.image_size) {
    config.fail("patch_size", fmt::format("({}) is larger than image_size ({})", vision.patch_size,
                                          vision.image_size));
  }
  require_activation(config, "gelu_pytorch_tanh");
  if (config.optional_integer("num_channels", 1, kMaxWidth).value_or(3) != 3) {
    config.fail("num_channels", "must be 3: images are RGB");
  }
  return vision;
}

/// Options of the Qwen2 family that change the arithmetic and that no mPLUG-Owl3 uses.
void refuse_unsupported(const JsonReader& config, const ModelConfig& model) {
  require_activation(config, "silu");
  if (config.has("rope_scaling")) config.fail("rope_scaling", "is not supported; must be null");
  if (config.optional_bool("use_sliding_window").value_or(false)) {
    config.fail("use_sliding_window", "is true; sliding-window attention is not supported");
  }
  const auto head_dim = config.optional_integer("head_dim", 1, kMaxWidth);
  if (head_dim && *head_dim != model.head_size()) {
    config.fail("head_dim", fmt::format("is {}; only hidden_size / num_attention_heads ({}) is "
                                        "supported",
                                        *head_dim, model.head_size()));
  }
}

void parse_heads(const JsonReader& config, ModelConfig& model) {
  model.num_attention_heads = config.integer("num_attention_heads", 1, kMaxWidth);
  model.num_key_value_heads = config.optional_integer("num_key_value_heads", 1, kMaxWidth)
                                  .value_or(model.num_attention_heads);
  require_divides(config, "hidden_size", model.hidden_size, "num_attention_heads",
                  model.num_attention_heads);
  require_divides(config, "num_attention_heads", model.num_attention_heads, "num_key_value_heads",
                  model.num_key_value_heads);
  if (model.head_size() % 2 != 0) {
    config.fail("hidden_size", fmt::format("gives a head size of {}; the rotary embedding needs "
                                           "an even one",
                                           model.head_size()));
  }
}

std::vector<int64_t> parse_hyper_layers(const JsonReader& config, int64_t num_hidden_layers) {
  const auto layers = config.optional_integers("hyper_layers", 1, num_hidden_layers);
  if (!layers) {
    const std::string type = config.optional_string("model_type").value_or("");
    config.fail("hyper_layers", fmt::format("is missing{}; owl3 runs mPLUG-Owl3 checkpoints",
                                            type.empty() ? "" : " (model_type " + type + ")"));
  }
  if (std::adjacent_find(layers->begin(), layers->end(), std::greater_equal<>()) != layers->end()) {
    config.fail("hyper_layers", "must be in ascending order, each layer once");
  }
  return *layers;
}

}  // namespace

bool ModelConfig::is_hyper_layer(int64_t layer) const {
  return std::binary_search(hyper_layers.begin(), hyper_layers.end(), layer + 1);
}

ModelConfig parse_model_config(std::string_view json, const std::string& name) {
  const nlohmann::json root = parse_json_object(json, name, kMaxConfigBytes);
  const JsonReader config(root, name);
  ModelConfig model;
  model.hidden_size = config.integer("hidden_size", 1, kMaxWidth);
  model.num_hidden_layers = config.integer("num_hidden_layers", 1, kMaxLayers);
  parse_heads(config, model);
  model.intermediate_size = config.integer("intermediate_size", 1, kMaxWidth);
  model.vocab_size = config.integer("vocab_size", 1, kMaxVocabulary);
  model.max_position_embeddings =
      config.optional_integer("max_position_embeddings", 1, kMaxPositions).value_or(32768);
  model.rope_theta = config.optional_number("rope_theta", 1, 1e12).value_or(1e6);
  model.rms_norm_eps = config.optional_number("rms_norm_eps", 0, 1).value_or(1e-6);
  model.tie_word_embeddings = config.optional_bool("tie_word_embeddings").value_or(false);
  model.torch_dtype = config.optional_string("torch_dtype").value_or("");
  model.hyper_layers = parse_hyper_layers(config, model.num_hidden_layers);
  model.vision = parse_vision_config(config.object("vision_config"));
  model.cut_images = config.optional_bool("cut_images").value_or(true);
  model.number_images = config.optional_bool("number_images").value_or(false);
  refuse_unsupported(config, model);
  return model;
}

GenerationConfig parse_generation_config(std::string_view json, const std::string& name) {
  constexpr int64_t kMaxTokens = 1 << 30;
  const nlohmann::json root = parse_json_object(json, name, kMaxConfigBytes);
  const JsonReader config(root, name);
  GenerationConfig generation;
  generation.do_sample = config.optional_bool("do_sample");
  generation.temperature = config.optional_number("temperature", 0, 1000);
  generation.top_p = config.optional_number("top_p", 0, 1);
  generation.top_k = config.optional_integer("top_k", 0, kMaxTokens);
  generation.repetition_penalty = config.optional_number("repetition_penalty", 1e-3, 1e3);
  generation.max_new_tokens = config.optional_integer("max_new_tokens", 1, kMaxTokens);
  generation.num_beams = config.optional_integer("num_beams", 1, 4096);
  for (const int64_t id : config.optional_integers("eos_token_id", 0, kMaxVocabulary)
                              .value_or(std::vector<int64_t>{})) {
    generation.eos_token_id.push_back(static_cast<int32_t>(id));
  }
  return generation;
}

}  // namespace owl3
