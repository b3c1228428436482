#include "formats/lora_adapter.h"

#include <span>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/regular_file.h"
#include "formats/finite_weights.h"
#include "formats/hub_cache.h"
#include "formats/lora_config.h"
#include "formats/safetensors.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kPickledWeights = "adapter_model.bin";

// Every name in a file of PEFT's stands below the model that it wrapped: "base_model.model.X".
// Other writers leave out the wrapper, or all of it; no layer's own name begins with either word.
constexpr std::string_view kWrappers[] = {"base_model.", "model."};
// PEFT leaves the adapter's name out of a file's names; a raw state dict has it.
constexpr std::string_view kSuffixesA[] = {".lora_A.weight", ".lora_A.default.weight"};
constexpr std::string_view kSuffixesB[] = {".lora_B.weight", ".lora_B.default.weight"};

/// Files of whole weights that were trained beside an adapter: by ms-swift's tuner that trains the
/// vision encoder, and by LLaVA's trainer.
constexpr const char* kWeightsBeside[] = {"vit.safetensors", "vit.bin", "non_lora_trainables.bin",
                                          "non_lora_trainables.safetensors", "mm_projector.bin"};

void refuse_weights_beside(const fs::path& folder) {
  for (const char* name : kWeightsBeside) {
    if (!holds_file(folder, name)) continue;
    throw InputError(
        fmt::format("{}: weights that were trained beside the adapter; owl3 runs plain LoRA only: "
                    "merge both into their model where they were trained and run that",
                    (folder / name).string()));
  }
}

/// That of a run, or of a whole model, is easily given for its adapter's.
void refuse_other_folder(const fs::path& folder) {
  if (holds_file(folder, kConfig)) return;
  std::string advice;
  if (holds_file(folder / "model", kConfig)) {
    advice = fmt::format("; did you mean {}?", (folder / "model").string());
  } else if (holds_file(folder, "config.json") || holds_file(folder / "model", "config.json")) {
    const fs::path model = holds_file(folder, "config.json") ? folder : folder / "model";
    advice = fmt::format("; {} is a whole model: give it as MODEL, without --lora", model.string());
  }
  throw InputError(
      fmt::format("{}: no {} in it, so not a LoRA adapter{}", folder.string(), kConfig, advice));
}

fs::path weights_of(const fs::path& folder) {
  const fs::path weights = folder / kWeights;
  if (holds_file(folder, kWeights)) return weights;
  if (!holds_file(folder, kPickledWeights)) {
    throw InputError(fmt::format("{}: no {} in it; a LoRA adapter is a folder with {} and {}",
                                 folder.string(), kWeights, kConfig, kWeights));
  }
  throw InputError(fmt::format(
      "{}: PyTorch .bin files are not read; save it as safetensors, with Python in that "
      "folder: import torch, safetensors.torch as s; "
      "s.save_file(torch.load(\"{}\", weights_only=True), \"{}\")",
      (folder / kPickledWeights).string(), kPickledWeights, kWeights));
}

/// "base_model.model.X.lora_A.weight" -> "base_model.model.X"; empty for another name.
std::string_view without_suffix(std::string_view name, std::span<const std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return {};
}

/// "base_model.model.X" -> "X"
std::string layer_of(std::string_view name) {
  for (const std::string_view wrapper : kWrappers) {
    if (name.starts_with(wrapper)) name.remove_prefix(wrapper.size());
  }
  return std::string(name);
}

/// The tensors of one file by the layer that they change.
class PairCollector {
 public:
  explicit PairCollector(std::string file) : file_(std::move(file)) {}

  void add(const std::string& name, const Tensor& tensor) {
    const std::string_view of_a = without_suffix(name, kSuffixesA);
    const std::string_view of_b = without_suffix(name, kSuffixesB);
    const std::string layer = layer_of(of_a.empty() ? of_b : of_a);
    if (layer.empty()) {
      throw InputError(fmt::format("{}: tensor {} is no LAYER{} or {}; owl3 runs plain LoRA only",
                                   file_, printable(name), kSuffixesA[0], kSuffixesB[0]));
    }
    LoraPair& pair = layers_[layer];
    Tensor& place = of_a.empty() ? pair.b : pair.a;
    std::string& known = of_a.empty() ? pair.b_name : pair.a_name;
    if (place.defined()) {
      throw InputError(fmt::format("{}: tensors {} and {} are of the same layer", file_,
                                   printable(known), printable(name)));
    }
    place = tensor;
    known = name;
  }

  std::map<std::string, LoraPair> layers() {
    for (const auto& [layer, pair] : layers_) {
      if (pair.a.defined() && pair.b.defined()) continue;
      std::string missing = pair.a.defined() ? pair.a_name : pair.b_name;
      char& letter = missing[missing.rfind(".lora_") + 6];
      letter = letter == 'A' ? 'B' : 'A';
      throw InputError(fmt::format("{}: tensor {} is missing", file_, printable(missing)));
    }
    if (layers_.empty()) throw InputError(fmt::format("{}: holds no tensor", file_));
    return std::move(layers_);
  }

 private:
  std::string file_;
  std::map<std::string, LoraPair> layers_;
};

/// The weight of a linear layer; undefined when the model has no such layer. A tied head is the
/// embedding.
Tensor linear_weight(const Checkpoint& checkpoint, const std::string& layer) {
  const std::string embedding = "language_model.model.embed_tokens";
  if (layer == embedding || layer.ends_with("position_embedding")) return {};
  const bool tied_head =
      checkpoint.config().tie_word_embeddings && layer == "language_model.lm_head";
  const std::string name = (tied_head ? embedding : layer) + ".weight";
  if (!checkpoint.contains(name)) return {};
  const Tensor& weight = checkpoint.tensor(name);
  return weight.shape().size() == 2 ? weight : Tensor();
}

void check_shape(const LoraAdapter& adapter, const std::string& name, const Tensor& tensor,
                 const Shape& wanted) {
  if (tensor.shape() == wanted) return;
  throw InputError(fmt::format("{}: tensor {} has shape {}, but this model takes {}",
                               (adapter.folder / kWeights).string(), printable(name),
                               to_string(tensor.shape()), to_string(wanted)));
}

}  // namespace

LoraAdapter load_lora_adapter(const fs::path& path, double scale) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    const std::string message =
        fmt::format("{}: no folder; a LoRA adapter is a folder with {} and {}", path.string(),
                    kConfig, kWeights);
    if (!fs::exists(path, ignored)) throw MissingFile(message, path);
    throw InputError(message);
  }
  const fs::path folder = find_snapshot(path, kConfig);
  refuse_other_folder(folder);
  const LoraConfig config = read_lora_config(folder / kConfig);
  refuse_weights_beside(folder);
  LoraAdapter adapter;
  adapter.folder = folder;
  adapter.rank = config.rank;
  adapter.scale = config.scale * scale;
  const fs::path file = weights_of(folder);
  PairCollector pairs(file.string());
  for (const auto& [name, tensor] : load_safetensors(file)) {
    pairs.add(name, tensor);
    check_finite(tensor, printable(name), file.string());
  }
  adapter.layers = pairs.layers();
  return adapter;
}

void check_lora_adapter(const LoraAdapter& adapter, const Checkpoint& checkpoint) {
  for (const auto& [layer, pair] : adapter.layers) {
    const Tensor weight = linear_weight(checkpoint, layer);
    if (weight.defined()) {
      check_shape(adapter, pair.a_name, pair.a, {adapter.rank, weight.dim(1)});
      check_shape(adapter, pair.b_name, pair.b, {weight.dim(0), adapter.rank});
    } else if (!is_unused_tensor(checkpoint.config(), layer + ".weight")) {
      throw InputError(fmt::format("{}: tensor {} changes no linear layer of {}",
                                   (adapter.folder / kWeights).string(), printable(pair.a_name),
                                   checkpoint.path().string()));
    }
  }
}

}  // namespace owl3
