// A model folder in the official layout: config.json, tokenizer.json, generation_config.json,
// model.safetensors or a sharded set with model.safetensors.index.json.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/variant.h"
#include "formats/config.h"
#include "formats/safetensors.h"

namespace owl3 {

class Checkpoint {
 public:
  /// Opens the folder and maps its weights; reads no weight. Checks every tensor the model needs
  /// for presence and shape and throws InputError naming the first that is missing or misshapen.
  static Checkpoint open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const ModelConfig& config() const { return config_; }
  const GenerationConfig& generation_config() const { return generation_config_; }
  /// Read off the tensors: gated when any self_attn.gate exists, else unified.
  Variant variant() const { return variant_; }
  const TensorMap& tensors() const { return tensors_; }
  /// The tensor of that name; InputError when absent.
  const Tensor& tensor(const std::string& name) const;
  bool contains(const std::string& name) const { return tensors_.count(name) != 0; }
  /// Names of tensors in the files that this model does not use and does not know.
  const std::vector<std::string>& unknown_tensors() const { return unknown_; }

 private:
  std::filesystem::path folder_;
  ModelConfig config_;
  GenerationConfig generation_config_;
  Variant variant_ = Variant::kGated;
  TensorMap tensors_;
  std::vector<std::string> unknown_;
};

}  // namespace owl3
