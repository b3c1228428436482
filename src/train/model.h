// mPLUG-Owl3 as a LibTorch module: its parameters have exactly the official tensor names.
#pragma once

#include "core/variant.h"
#include "formats/config.h"
#include "train/decoder.h"
#include "train/torch_batch.h"
#include "train/vision.h"

namespace owl3::train {

class Owl3ModuleImpl : public torch::nn::Module {
 public:
  /// All weights zero but the norms: load_checkpoint() or initialise() comes next.
  Owl3ModuleImpl(const ModelConfig& config, Variant variant);

  const ModelConfig& config() const { return config_; }
  Variant variant() const { return variant_; }
  torch::Device device() const;

  /// The vision encoder's features. While it is frozen (set_trainable) they have no gradients,
  /// depend on the pixels alone and may be cached. pixels [n, 3, S, S] -> [n, L, Dv]
  torch::Tensor encode_images(const torch::Tensor& pixels);

  /// Cross-entropy summed over the batch's label tokens; 0 when it has none. `features` of the
  /// batch's images [U, L, Dv], undefined when it has none.
  torch::Tensor loss_sum(const TorchBatch& batch, const torch::Tensor& features);
  /// Logits of the batch's label tokens, float32 [label tokens, V].
  torch::Tensor learnt_logits(const TorchBatch& batch, const torch::Tensor& features);
  /// Logits of every token, float32 [B, T, V].
  torch::Tensor logits(const TorchBatch& batch, const torch::Tensor& features);

  /// Compute activations of decoder layers a second time for the backward pass, instead of keeping
  /// them.
  void set_gradient_checkpointing(bool enabled) { gradient_checkpointing_ = enabled; }

 private:
  /// The projector, vision2text_model: one linear layer (gated), or linear, exact GELU, linear
  /// (unified). features [U, L, Dv] -> visual embeddings [U, L, D]
  torch::Tensor visual_embeddings(const torch::Tensor& features);
  torch::Tensor hidden_states(const TorchBatch& batch, const torch::Tensor& features);

  ModelConfig config_;
  Variant variant_;
  bool gradient_checkpointing_ = false;
  Decoder language_model_;
  VisionModel vision_model_;
  Linear projector_, projector_out_{nullptr};  // the second in the unified variant only
};
TORCH_MODULE(Owl3Module);

}  // namespace owl3::train
