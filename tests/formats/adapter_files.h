// LoRA adapters of random numbers for tests, in PEFT's layout.
#pragma once

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/safetensors.h"

namespace owl3 {

/// A linear layer by its name in the checkpoint, and its sizes.
struct AdaptedLayer {
  std::string name;
  int64_t inputs = 0;
  int64_t outputs = 0;
};

/// Every linear layer that an adapter may change, a tied head left out.
inline std::vector<AdaptedLayer> linear_layers(const Checkpoint& checkpoint) {
  std::vector<AdaptedLayer> layers;
  constexpr std::string_view kWeight = ".weight";
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    const bool table =
        name.find("embed_tokens") != name.npos || name.find("position_embedding") != name.npos;
    if (table || tensor.shape().size() != 2 || !name.ends_with(kWeight)) continue;
    layers.push_back({name.substr(0, name.size() - kWeight.size()), tensor.dim(1), tensor.dim(0)});
  }
  return layers;
}

struct AdapterSettings {
  int64_t rank = 4;
  double alpha = 6;
  bool rslora = false;
  float b_size = 0.1f;    // 0: an adapter that changes nothing
  std::string more = {};  // further keys of adapter_config.json, with a comma before each
};

inline void write_floats(const std::filesystem::path& path, const std::vector<TensorSpec>& specs,
                         const std::function<std::vector<float>(const TensorSpec&)>& values_of) {
  SafetensorsWriter writer(path, specs);
  for (const TensorSpec& spec : writer.tensors()) {
    const std::vector<float> values = values_of(spec);
    writer.write(values.data(), values.size() * sizeof(float));
  }
  writer.commit();
}

/// Writes adapter_config.json and adapter_model.safetensors into the folder.
inline void write_adapter(const std::filesystem::path& folder,
                          const std::vector<AdaptedLayer>& layers,
                          const AdapterSettings& settings = {}) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "adapter_config.json")
      << "{\"peft_type\": \"LORA\", \"r\": " << settings.rank
      << ", \"lora_alpha\": " << settings.alpha
      << ", \"use_rslora\": " << (settings.rslora ? "true" : "false")
      << ", \"target_modules\": [\"q_proj\"], \"rank_pattern\": {}" << settings.more << "}";
  std::vector<TensorSpec> specs;
  for (const AdaptedLayer& layer : layers) {
    const std::string name = "base_model.model." + layer.name;
    specs.push_back({name + ".lora_A.weight", DType::kF32, {settings.rank, layer.inputs}});
    specs.push_back({name + ".lora_B.weight", DType::kF32, {layer.outputs, settings.rank}});
  }
  std::mt19937 random(11);
  write_floats(folder / "adapter_model.safetensors", specs, [&](const TensorSpec& spec) {
    const bool is_b = spec.name.ends_with("lora_B.weight");
    const float size = is_b ? settings.b_size : 0.2f;
    std::vector<float> values(spec.size_bytes() / sizeof(float));
    for (float& value : values) {
      value = size * (static_cast<float>(random() % 2001) / 1000 - 1);
    }
    return values;
  });
}

}  // namespace owl3
