#include "formats/config.h"

#include <algorithm>

#include "core/error.h"
#include "formats/json_reader.h"
#include "formats/tensor_map.h"
#include "owl3/options.h"

namespace owl3 {

namespace {

// Far above any model of this family, low enough that no product of them overflows int64.
constexpr int64_t kMaxWidth = 1 << 18;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxVocabulary = 1 << 26;
constexpr int64_t kMaxPositions = 1 << 30;
constexpr int64_t kMaxImageSize = 8192;
constexpr size_t kMaxConfigBytes = 4 << 20;
constexpr const char* kFullAttention = "full_attention";

/// The decoder's keys may stand in a text_config of their own, as in models that transformers
/// itself knows; there those of the whole model count where it says nothing.
nlohmann::json with_text_config(nlohmann::json root) {
  const auto text = root.find("text_config");
  if (text == root.end() || !text->is_object() || root.contains("hidden_size")) return root;
  const nlohmann::json decoder = *text;
  for (const auto& [key, value] : decoder.items()) {
    if (!value.is_null()) root[key] = value;
  }
  return root;
}

/// For people only, so whatever it is not: dtype is what transformers 5 calls torch_dtype.
std::string stated_dtype(const nlohmann::json& root) {
  for (const char* key : {"dtype", "torch_dtype"}) {
    const auto found = root.find(key);
    if (found != root.end() && found->is_string()) return found->get<std::string>();
  }
  return "";
}

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

/// rope_scaling of transformers 4, rope_parameters of 5: the kind of rotary embedding must be the
/// default one. Returns rope_theta, where it stands among them.
std::optional<double> parse_rope(const JsonReader& rope) {
  for (const char* key : {"rope_type", "type"}) {
    const auto type = rope.optional_string(key);
    if (type && *type != "default") {
      rope.fail(key, fmt::format("is {}; only the default rotary embedding is supported",
                                 printable(*type)));
    }
  }
  const bool says_type = rope.has("rope_type") || rope.has("type");
  for (const std::string& key : rope.keys()) {
    // Without its kind, a factor means one of those that stretch the context.
    const bool changes =
        key == "mrope_section" || key == "mrope_interleaved" || (key == "factor" && !says_type);
    if (changes) rope.fail(key.c_str(), "is not supported; only the default rotary embedding is");
  }
  if (rope.optional_number("partial_rotary_factor", 0, 1).value_or(1) != 1) {
    rope.fail("partial_rotary_factor", "must be 1: whole heads are rotated");
  }
  return rope.optional_number("rope_theta", 1, 1e12);
}

/// What transformers 5 writes for models whose layers differ: parameters by the kind of layer.
JsonReader rope_of_full_attention(const JsonReader& rope) {
  for (const std::string& key : rope.keys()) {
    if (key.ends_with("_attention") && key != kFullAttention) {
      rope.fail(key.c_str(), "is not supported; every layer must be of full_attention");
    }
  }
  return rope.has(kFullAttention) ? rope.object(kFullAttention) : rope;
}

double parse_rope_theta(const JsonReader& config) {
  std::optional<double> theta = config.optional_number("rope_theta", 1, 1e12);
  // As in transformers, the newer place counts.
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto stated = parse_rope(rope_of_full_attention(config.optional_object(key)));
    if (stated) theta = stated;
  }
  return theta.value_or(1e6);
}

/// Every layer must attend to all of the text.
void refuse_sliding_attention(const JsonReader& config, const ModelConfig& model) {
  const auto layer_types = config.optional_strings("layer_types");
  if (layer_types && static_cast<int64_t>(layer_types->size()) != model.num_hidden_layers) {
    config.fail("layer_types", fmt::format("has {} layers, num_hidden_layers says {}",
                                           layer_types->size(), model.num_hidden_layers));
  }
  for (size_t layer = 0; layer_types && layer < layer_types->size(); ++layer) {
    if ((*layer_types)[layer] == kFullAttention) continue;
    config.fail("layer_types", fmt::format("says {} of layer {}; only full_attention is supported",
                                           printable((*layer_types)[layer]), layer + 1));
  }
  // layer_types, where it is written, says what the older keys come to.
  if (layer_types || !config.optional_bool("use_sliding_window").value_or(false)) return;
  if (config.is_null("sliding_window")) return;  // absent, it has a width by default
  config.fail("use_sliding_window", "is true; sliding-window attention is not supported");
}

/// Options of the Qwen2 family that change the arithmetic and that no mPLUG-Owl3 uses.
void refuse_unsupported(const JsonReader& config, const ModelConfig& model) {
  require_activation(config, "silu");
  refuse_sliding_attention(config, model);
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

int64_t ModelConfig::visual_numbers_per_image() const {
  const int64_t layers =
      hyper_layers.empty() ? num_hidden_layers : static_cast<int64_t>(hyper_layers.size());
  return layers * vision.tokens_per_image() * 2 * key_value_size();
}

bool ModelConfig::is_hyper_layer(int64_t layer) const {
  return std::binary_search(hyper_layers.begin(), hyper_layers.end(), layer + 1);
}

ModelConfig parse_model_config(std::string_view json, const std::string& name) {
  const nlohmann::json root = with_text_config(parse_json_object(json, name, kMaxConfigBytes));
  const JsonReader config(root, name);
  ModelConfig model;
  model.hidden_size = config.integer("hidden_size", 1, kMaxWidth);
  model.num_hidden_layers = config.integer("num_hidden_layers", 1, kMaxLayers);
  parse_heads(config, model);
  model.intermediate_size = config.integer("intermediate_size", 1, kMaxWidth);
  model.vocab_size = config.integer("vocab_size", 1, kMaxVocabulary);
  model.max_position_embeddings =
      config.optional_integer("max_position_embeddings", 1, kMaxPositions).value_or(32768);
  model.rope_theta = parse_rope_theta(config);
  model.rms_norm_eps = config.optional_number("rms_norm_eps", 0, 1).value_or(1e-6);
  model.tie_word_embeddings = config.optional_bool("tie_word_embeddings").value_or(false);
  model.torch_dtype = stated_dtype(root);
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
  const auto take = [&](auto& value, const auto& read) {
    try {
      value = read();
    } catch (const InputError& odd) {
      generation.warnings.push_back(fmt::format("{}; the default is taken", odd.what()));
    }
  };
  const auto integer = [&](const char* key, int64_t min, int64_t max) {
    return [=, &config] { return config.optional_integer(key, min, max); };
  };
  const auto number = [&](const char* key, double min, double max) {
    return [=, &config] { return config.optional_number(key, min, max); };
  };
  take(generation.do_sample, [&] { return config.optional_bool("do_sample"); });
  take(generation.temperature, number("temperature", 0, 1000));
  take(generation.top_p, number("top_p", 0, 1));
  take(generation.top_k, integer("top_k", 0, kMaxTokens));
  take(generation.repetition_penalty, number("repetition_penalty", 1e-3, 1e3));
  take(generation.max_new_tokens, integer("max_new_tokens", 1, kMaxTokens));
  take(generation.num_beams, integer("num_beams", 1, kMaxBeams));
  std::optional<std::vector<int64_t>> ends;
  take(ends, [&] { return config.optional_integers("eos_token_id", 0, kMaxVocabulary); });
  if (ends) generation.eos_token_id.assign(ends->begin(), ends->end());
  return generation;
}

}  // namespace owl3
