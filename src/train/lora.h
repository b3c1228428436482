// LoRA: low-rank adapters beside the frozen weights of linear layers, in the layout of Hugging
// Face's PEFT, which `owl3 chat --lora` reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "train/model.h"

namespace owl3::train {

struct LoraOptions {
  int64_t rank = 8;
  double alpha = 32;
  double dropout = 0.05;
  /// Names of linear layers: "q_proj", "v_kv_proj", "down_proj", ..., "vision2text_model" for the
  /// projector, or "all" for every one of the decoder's layers. The vision encoder and the head
  /// over the vocabulary get none.
  std::vector<std::string> targets = {"all"};
};

/// Adds adapters, which change nothing yet, to the layers that `targets` name; they are trainable,
/// whatever set_trainable() says of the weights beneath. UsageError for a target that names no
/// layer.
void apply_lora(Owl3ModuleImpl& module, const LoraOptions& options);

/// Adds the adapters' products to the weights and removes them.
void merge_lora(Owl3ModuleImpl& module);

/// Writes adapter_model.safetensors and adapter_config.json into `folder`, which is made if needed.
/// `base_model` is noted as where the adapter belongs.
void save_lora(const std::filesystem::path& folder, const Owl3ModuleImpl& module,
               const LoraOptions& options, const std::string& base_model, DType dtype);

/// Puts the adapters of such a folder on a model that has none yet. InputError when they don't fit.
/// `dropout` is for training on.
void load_lora(const std::filesystem::path& folder, Owl3ModuleImpl& module, double dropout = 0);

}  // namespace owl3::train
