#include "train/model_files.h"

#include <nlohmann/json.hpp>

#include "builtin/open_model.h"
#include "core/atomic_file.h"
#include "formats/finite_weights.h"
#include "formats/json_reader.h"
#include "formats/tensor_names.h"
#include "train/parameter_groups.h"
#include "train/tensor_exchange.h"

namespace owl3::train {

namespace {

namespace fs = std::filesystem;

std::string text_of(const Checkpoint& checkpoint, const std::string& file) {
  const auto document = checkpoint.document(file);
  return document ? std::string(document->text) : std::string();
}

/// The types of safetensors; a GGUF file's blocks become float32 anyway where they are trained, and
/// its unread tensors are left behind.
bool can_be_written(const owl3::Tensor& tensor) {
  return !is_quantised(tensor.dtype());
}

TensorMap unread_tensors(const TensorMap& tensors, const ModelConfig& config) {
  TensorMap unread;
  for (const auto& [name, tensor] : tensors) {
    if (!is_unused_tensor(config, name) || !can_be_written(tensor)) continue;
    if (name == "language_model.lm_head.weight") continue;  // a second copy of a tied head
    unread.emplace(name, tensor);
  }
  return unread;
}

void write_text(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::string with_torch_dtype(const std::string& config_json, DType dtype) {
  auto config = nlohmann::ordered_json::parse(config_json);
  config["torch_dtype"] = name_of(dtype);
  if (config.contains("dtype")) config["dtype"] = name_of(dtype);  // as transformers 5 calls it
  return config.dump(2) + "\n";
}

}  // namespace

LoadedModel load_checkpoint(const fs::path& path) {
  const Checkpoint checkpoint = Checkpoint::open(open_model(path), HyperLayers::kOptional);
  LoadedModel loaded{Owl3Module(checkpoint.config(), checkpoint.variant()),
                     {text_of(checkpoint, kConfigFile), text_of(checkpoint, kTokenizerFile),
                      text_of(checkpoint, kGenerationConfigFile),
                      unread_tensors(checkpoint.tensors(), checkpoint.config())}};
  for (const auto& parameter : loaded.module->named_parameters()) {
    const std::string& name = parameter.key();
    check_finite(checkpoint.tensor(name), name, checkpoint.file_of(name).string());
    copy_values(checkpoint.tensor(name), parameter.value(),
                fmt::format("{}: {}", path.string(), name));
  }
  checkpoint.check_unchanged();
  return loaded;
}

LoadedModel new_model(const std::string& config_json, const std::string& name, Variant variant,
                      const std::string& tokenizer_json, const InitialiseOptions& options) {
  const ModelConfig config = parse_model_config(config_json, name);
  if (config.hyper_layers.empty() && variant == Variant::kGated) {
    throw InputError(
        fmt::format("{}: hyper_layers is empty: nothing has a gate, so the variant "
                    "must be unified",
                    name));
  }
  LoadedModel made{Owl3Module(config, variant), {config_json, tokenizer_json, "", {}}};
  initialise(*made.module, options);
  return made;
}

void load_vision(LoadedModel& model, const fs::path& path) {
  const CheckpointSource source = open_model(path);
  const Weights weights = source.weights();
  for (const auto& parameter : model.module->named_parameters()) {
    const std::string& name = parameter.key();
    if (!name.starts_with("vision_model.")) continue;
    const auto found = weights.tensors.find(name);
    if (found == weights.tensors.end()) {
      throw InputError(fmt::format("{}: the weights lack tensor {}", path.string(), name));
    }
    check_finite(found->second, name, source.file_of(name).string());
    copy_values(found->second, parameter.value(), fmt::format("{}: {}", path.string(), name));
  }
  model.files.unread = unread_tensors(weights.tensors, model.module->config());
}

void save_checkpoint(const fs::path& folder, const Owl3Module& module, const ModelFiles& files,
                     DType dtype) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw InputError(fmt::format("{}: {}", folder.string(), failure.message()));
  write_text(folder / kConfigFile, with_torch_dtype(files.config_json, dtype));
  if (!files.tokenizer_json.empty()) write_text(folder / kTokenizerFile, files.tokenizer_json);
  if (!files.generation_config_json.empty()) {
    write_text(folder / kGenerationConfigFile, files.generation_config_json);
  }
  std::vector<FileTensor> tensors;
  for (const auto& parameter : module->named_parameters()) {
    if (is_adapter(parameter.key())) continue;  // has files of its own
    tensors.emplace_back(parameter.key(), parameter.value());
  }
  write_tensors(folder / "model.safetensors", tensors, dtype, files.unread);
}

}  // namespace owl3::train
