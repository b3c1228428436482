// config.json and generation_config.json of a checkpoint folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

/// The SigLIP vision encoder (`vision_config`).
struct VisionConfig {
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t intermediate_size = 0;
  int64_t image_size = 0;
  int64_t patch_size = 0;
  double layer_norm_eps = 1e-6;

  int64_t head_size() const { return hidden_size / num_attention_heads; }
  int64_t patches_per_side() const { return image_size / patch_size; }
  /// L: visual tokens per image.
  int64_t tokens_per_image() const { return patches_per_side() * patches_per_side(); }
  /// The last layer's output is never used (features are those of the second-to-last layer).
  int64_t layers_used() const { return num_hidden_layers - 1; }
};

/// The whole model, with the key names of config.json.
struct ModelConfig {
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t intermediate_size = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 32768;
  double rope_theta = 1e6;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  /// 1-based, as in the paper and config.json. Empty: images stand in the text, which the trainer
  /// computes (train/interleave.h) and the engine refuses.
  std::vector<int64_t> hyper_layers;
  std::string torch_dtype;
  VisionConfig vision;
  // How the model was taught to be shown images. Keys of owl3's own; a released checkpoint has
  // neither.
  bool cut_images = true;      // into tiles, unless the user says otherwise
  bool number_images = false;  // "<image>1<image>2" instead of a line each

  int64_t head_size() const { return hidden_size / num_attention_heads; }
  int64_t key_value_size() const { return num_key_value_heads * head_size(); }
  /// Numbers that an image's keys and values are made of: of the hyper layers, or of all layers
  /// where images stand in the text.
  int64_t visual_numbers_per_image() const;
  /// Whether the decoder layer with 0-based index `layer` is a hyper layer.
  bool is_hyper_layer(int64_t layer) const;
};

/// Parses and validates config.json; `name` stands in error messages. Throws InputError for
/// missing keys, wrong types, sizes that don't divide, values out of any sane range, and options
/// that change the arithmetic. Reads what transformers 4 and 5 write.
ModelConfig parse_model_config(std::string_view json, const std::string& name);

/// generation_config.json: what the checkpoint's authors recommend; absent keys stay empty.
struct GenerationConfig {
  std::optional<bool> do_sample;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int64_t> top_k;
  std::optional<double> repetition_penalty;
  std::optional<int64_t> max_new_tokens;
  std::optional<int64_t> num_beams;
  std::vector<int32_t> eos_token_id;  // a number or a list in the file
  std::vector<std::string> warnings;  // a line for every value that makes no sense
};

/// Values of a wrong type or out of range are left out, with a warning: what they recommend is
/// optional. Throws InputError for what is no JSON object.

GenerationConfig parse_generation_config(std::string_view json, const std::string& name);

}  // namespace owl3
