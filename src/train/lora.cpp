#include "train/lora.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/lora_adapter.h"
#include "train/tensor_exchange.h"

namespace owl3::train {

namespace {

namespace fs = std::filesystem;

/// What PEFT puts before the names of the wrapped model's modules.
constexpr std::string_view kPeftPrefix = "base_model.model.";

struct NamedLinear {
  std::string name;
  std::shared_ptr<LinearImpl> layer;
};

/// The linear layers that may have adapters: the decoder's and the projector's.
std::vector<NamedLinear> linear_layers(const Owl3ModuleImpl& module) {
  std::vector<NamedLinear> layers;
  for (const auto& entry : module.named_modules("", /*include_self=*/false)) {
    const std::string& name = entry.key();
    if (name.starts_with("vision_model.") || name.ends_with("lm_head")) continue;
    auto layer = std::dynamic_pointer_cast<LinearImpl>(entry.value());
    if (layer) layers.push_back({name, layer});
  }
  return layers;
}

bool is_named_by(const std::string& name, const std::string& target) {
  if (target == "all") return name.starts_with("language_model.");
  return name == target || name.ends_with("." + target) || name.starts_with(target + ".");
}

nlohmann::ordered_json config_json(const std::vector<NamedLinear>& adapted,
                                   const LoraOptions& options, const std::string& base_model) {
  // Full names: PEFT matches the ends of names, and the vision encoder has a q_proj as well.
  nlohmann::ordered_json targets = nlohmann::ordered_json::array();
  for (const NamedLinear& linear : adapted) targets.push_back(linear.name);
  return {{"peft_type", "LORA"},
          {"task_type", nullptr},
          {"base_model_name_or_path", base_model},
          {"inference_mode", true},
          {"r", options.rank},
          {"lora_alpha", options.alpha},
          {"lora_dropout", options.dropout},
          {"target_modules", targets},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"modules_to_save", nullptr},
          {"init_lora_weights", true}};
}

std::vector<NamedLinear> adapted_layers(const Owl3ModuleImpl& module) {
  std::vector<NamedLinear> adapted = linear_layers(module);
  std::erase_if(adapted, [](const NamedLinear& linear) { return !linear.layer->has_adapter(); });
  return adapted;
}

}  // namespace

void apply_lora(Owl3ModuleImpl& module, const LoraOptions& options) {
  const std::vector<NamedLinear> layers = linear_layers(module);
  for (const std::string& target : options.targets) {
    const bool found = std::any_of(layers.begin(), layers.end(), [&](const NamedLinear& linear) {
      return is_named_by(linear.name, target);
    });
    if (!found) throw UsageError(fmt::format("LoRA target {}: no such linear layer", target));
  }
  for (const NamedLinear& linear : layers) {
    const bool wanted =
        std::any_of(options.targets.begin(), options.targets.end(),
                    [&](const std::string& target) { return is_named_by(linear.name, target); });
    if (wanted) linear.layer->add_adapter(options.rank, options.alpha, options.dropout);
  }
}

void merge_lora(Owl3ModuleImpl& module) {
  for (const NamedLinear& linear : adapted_layers(module)) linear.layer->merge_adapter();
}

void save_lora(const fs::path& folder, const Owl3ModuleImpl& module, const LoraOptions& options,
               const std::string& base_model, DType dtype) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw InputError(fmt::format("{}: {}", folder.string(), failure.message()));
  const std::vector<NamedLinear> adapted = adapted_layers(module);
  std::vector<FileTensor> tensors;
  for (const auto& [name, layer] : adapted) {
    tensors.emplace_back(fmt::format("{}{}.lora_A.weight", kPeftPrefix, name),
                         layer->lora_A->weight);
    tensors.emplace_back(fmt::format("{}{}.lora_B.weight", kPeftPrefix, name),
                         layer->lora_B->weight);
  }
  AtomicFile config(folder / "adapter_config.json");
  config.write(config_json(adapted, options, base_model).dump(2) + "\n");
  config.commit();
  write_tensors(folder / "adapter_model.safetensors", tensors, dtype);
}

void load_lora(const fs::path& folder, Owl3ModuleImpl& module, double dropout) {
  const LoraAdapter adapter = load_lora_adapter(folder, /*scale=*/1.0);
  const std::vector<NamedLinear> layers = linear_layers(module);
  for (const auto& [name, pair] : adapter.layers) {
    const auto found = std::find_if(layers.begin(), layers.end(),
                                    [&](const NamedLinear& linear) { return linear.name == name; });
    if (found == layers.end()) {
      throw InputError(fmt::format("{}: the model has no linear layer {} that takes an adapter",
                                   folder.string(), name));
    }
    const int64_t rank = pair.a.dim(0);
    found->layer->add_adapter(rank, adapter.scale * static_cast<double>(rank), dropout);
    copy_values(pair.a, found->layer->lora_A->weight,
                fmt::format("{}: {}.lora_A", folder.string(), name));
    copy_values(pair.b, found->layer->lora_B->weight,
                fmt::format("{}: {}.lora_B", folder.string(), name));
  }
}

}  // namespace owl3::train
