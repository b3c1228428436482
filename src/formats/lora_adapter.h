// A LoRA adapter in the layout of Hugging Face's PEFT: adapter_config.json, and beside it
// adapter_model.safetensors with two small matrices for every linear layer it changes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "formats/checkpoint.h"

namespace owl3 {

/// What an adapter adds to one linear layer: y += scale * B(A x).
struct LoraPair {
  Tensor a;                        // [r, inputs]
  Tensor b;                        // [outputs, r]
  std::string a_name{}, b_name{};  // in the file, for error messages
};

struct LoraAdapter {
  std::filesystem::path folder;
  int64_t rank = 0;
  /// The adapter's own scale, alpha / r (or alpha / sqrt(r)), times what the user asked for.
  double scale = 1;
  /// By the layer's name in the checkpoint: "language_model.model.layers.0.self_attn.q_proj".
  std::map<std::string, LoraPair> layers;
};

/// Maps the adapter's weights, of a folder or of one in Hugging Face's cache. Throws InputError for
/// what is no LoRA adapter, or one that does more than add products to linear layers.
LoraAdapter load_lora_adapter(const std::filesystem::path& folder, double scale);

/// Throws InputError naming the first tensor that doesn't fit the checkpoint's linear layers.
/// Layers that the checkpoint may have and the model never computes are allowed.
void check_lora_adapter(const LoraAdapter& adapter, const Checkpoint& checkpoint);

}  // namespace owl3
