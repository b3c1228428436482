#include "train/parameter_groups.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace owl3::train {

namespace {

constexpr std::array<std::pair<std::string_view, ParameterGroup>, 5> kGroups = {
    {{"projector", ParameterGroup::kProjector},
     {"hyper", ParameterGroup::kHyper},
     {"decoder", ParameterGroup::kDecoder},
     {"embeddings", ParameterGroup::kEmbeddings},
     {"vision", ParameterGroup::kVision}}};

}  // namespace

ParameterGroup parameter_group(std::string_view name) {
  std::string known;
  for (const auto& [group_name, group] : kGroups) {
    if (group_name == name) return group;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", group_name);
  }
  throw UsageError(fmt::format("no part of the model is called \"{}\"; there are {}", name, known));
}

ParameterGroup group_of(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (name.starts_with("vision_model.")) return ParameterGroup::kVision;
  if (name.starts_with("vision2text_model.")) return ParameterGroup::kProjector;
  if (has(".self_attn.v_kv_proj.") || name.ends_with(".self_attn.gate")) {
    return ParameterGroup::kHyper;
  }
  if (has("embed_tokens.") || has("lm_head.")) return ParameterGroup::kEmbeddings;
  return ParameterGroup::kDecoder;
}

bool is_adapter(std::string_view name) {
  return name.find(".lora_A.") != std::string_view::npos ||
         name.find(".lora_B.") != std::string_view::npos;
}

void set_trainable(Owl3ModuleImpl& module, const std::vector<ParameterGroup>& groups) {
  for (const auto& parameter : module.named_parameters()) {
    const std::string& name = parameter.key();
    const bool wanted =
        is_adapter(name) || std::find(groups.begin(), groups.end(), group_of(name)) != groups.end();
    parameter.value().set_requires_grad(wanted);
  }
}

std::vector<ParameterGroup> groups_of_stage(int stage) {
  using enum ParameterGroup;
  if (stage == 1) return {kProjector, kHyper};
  if (stage == 2 || stage == 3) return {kProjector, kHyper, kDecoder, kEmbeddings};
  throw InputError(fmt::format("stage {}: the paper's stages are 1, 2 and 3", stage));
}

int64_t values_in(const torch::nn::Module& module) {
  int64_t values = 0;
  for (const torch::Tensor& tensor : module.parameters()) values += tensor.numel();
  for (const torch::Tensor& tensor : module.buffers()) values += tensor.numel();
  return values;
}

std::vector<NamedParameter> trainable_parameters(const torch::nn::Module& module) {
  std::vector<NamedParameter> trainable;
  for (const auto& parameter : module.named_parameters()) {
    if (parameter.value().requires_grad())
      trainable.push_back({parameter.key(), parameter.value()});
  }
  return trainable;
}

}  // namespace owl3::train
