// Which tensors a stage of training changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/model.h"

namespace owl3::train {

/// The parts a recipe names under `trainable`.
enum class ParameterGroup {
  kProjector,   // vision2text_model
  kHyper,       // v_kv_proj and gate of the hyper layers
  kDecoder,     // the decoder's layers and final norm, without kHyper
  kEmbeddings,  // embed_tokens and lm_head
  kVision,      // vision_model
};

/// "projector", "hyper", "decoder", "embeddings", "vision". UsageError for another name.
ParameterGroup parameter_group(std::string_view name);
/// The group of the tensor of that official name.
ParameterGroup group_of(std::string_view tensor_name);

/// Whether a parameter belongs to a LoRA adapter.
bool is_adapter(std::string_view tensor_name);

/// Makes these groups trainable, and LoRA adapters wherever there are any, and freezes all else.
void set_trainable(Owl3ModuleImpl& module, const std::vector<ParameterGroup>& groups);

/// The groups of the paper's stages: 1 trains what joins the two halves, 2 and 3 all but the vision
/// encoder.
std::vector<ParameterGroup> groups_of_stage(int stage);

struct NamedParameter {
  std::string name;
  torch::Tensor tensor;
};
/// What is trainable now, in the module's order.
/// How many values it has, buffers included.
int64_t values_in(const torch::nn::Module& module);
std::vector<NamedParameter> trainable_parameters(const torch::nn::Module& module);

}  // namespace owl3::train
