// Models in training from and to checkpoints of the official layout, which the inference engine
// runs as they are.
#pragma once

#include <filesystem>
#include <string>

#include "formats/checkpoint.h"
#include "train/initialise.h"
#include "train/model.h"

namespace owl3::train {

/// What a checkpoint holds beside the weights that are trained.
struct ModelFiles {
  std::string config_json;
  std::string tokenizer_json;
  std::string generation_config_json;  // empty: none
  /// Tensors that no training reads (SigLIP's last layer and pooling head), where the checkpoint
  /// has them. They lie in its file and are written out as they are.
  TensorMap unread;
};

struct LoadedModel {
  Owl3Module module{nullptr};
  ModelFiles files;
};

/// Reads a checkpoint folder, .gguf file or named model; the weights become float32. InputError as
/// Checkpoint::open().
LoadedModel load_checkpoint(const std::filesystem::path& path);

/// A model of new weights. config_json as in a checkpoint; `name` stands in error messages.
LoadedModel new_model(const std::string& config_json, const std::string& name, Variant variant,
                      const std::string& tokenizer_json, const InitialiseOptions& options);

/// Takes the vision encoder of another checkpoint, or of one that SigLIP pre-training wrote.
/// InputError when it is of another shape.
void load_vision(LoadedModel& model, const std::filesystem::path& path);

/// Writes config.json (with the torch_dtype that is written), tokenizer.json,
/// generation_config.json and model.safetensors into `folder`, which is made if needed; each file
/// appears whole or not at all, model.safetensors last. float32 or bfloat16.
void save_checkpoint(const std::filesystem::path& folder, const Owl3Module& module,
                     const ModelFiles& files, DType dtype);

}  // namespace owl3::train
