#include "train/model.h"

#include "core/error.h"

namespace owl3::train {

using torch::Tensor;

Owl3ModuleImpl::Owl3ModuleImpl(const ModelConfig& config, Variant variant)
    : config_(config),
      variant_(variant),
      language_model_(config, variant),
      vision_model_(config.vision, /*with_pooling=*/false),
      projector_(config.vision.hidden_size, config.hidden_size, true) {
  register_module("language_model", language_model_);
  register_module("vision_model", vision_model_);
  if (variant == Variant::kGated) {
    register_module("vision2text_model", projector_);
    return;
  }
  projector_out_ = Linear(config.hidden_size, config.hidden_size, true);
  const auto projector = std::make_shared<torch::nn::Module>("Projector");
  projector->register_module("0", projector_.ptr());
  projector->register_module("2", projector_out_.ptr());  // 1 is the GELU
  register_module("vision2text_model", projector);
}

torch::Device Owl3ModuleImpl::device() const {
  return projector_->weight.device();
}

Tensor Owl3ModuleImpl::encode_images(const Tensor& pixels) {
  return vision_model_->features(pixels);
}

Tensor Owl3ModuleImpl::visual_embeddings(const Tensor& features) {
  const Tensor h = projector_(features);
  return projector_out_ ? projector_out_(torch::gelu(h)) : h;
}

Tensor Owl3ModuleImpl::hidden_states(const TorchBatch& batch, const Tensor& features) {
  OWL3_CHECK(features.defined() || batch.visual.empty());
  const Tensor visual = features.defined() ? visual_embeddings(features) : Tensor();
  return language_model_->hidden_states(batch, visual, gradient_checkpointing_ && is_training());
}

Tensor Owl3ModuleImpl::learnt_logits(const TorchBatch& batch, const Tensor& features) {
  const Tensor hidden = hidden_states(batch, features);  // [B, T, D]
  // Only the tokens before something to be learnt need logits.   [label tokens, D]
  return language_model_->logits(hidden.flatten(0, 1).index_select(0, batch.learnt));
}

Tensor Owl3ModuleImpl::loss_sum(const TorchBatch& batch, const Tensor& features) {
  return torch::cross_entropy_loss(learnt_logits(batch, features), batch.targets, {},
                                   at::Reduction::Sum);
}

Tensor Owl3ModuleImpl::logits(const TorchBatch& batch, const Tensor& features) {
  return language_model_->logits(hidden_states(batch, features));
}

}  // namespace owl3::train
