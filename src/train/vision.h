// The SigLIP vision encoder under its official names (`vision_model.*`).
#pragma once

#include <torch/nn/modules/container/modulelist.h>

#include "formats/config.h"
#include "train/layers.h"

namespace owl3::train {

/// The patch convolution. Its stride is its size, so it is a product over patches.
class PatchEmbeddingImpl : public torch::nn::Module {
 public:
  explicit PatchEmbeddingImpl(const VisionConfig& config);
  /// pixels [n, 3, S, S] -> [n, L, Dv]
  torch::Tensor forward(const torch::Tensor& pixels);

  torch::Tensor weight, bias;  // [Dv, 3, P, P], [Dv]

 private:
  int64_t side_;  // patches per side
};
TORCH_MODULE(PatchEmbedding);

class VisionEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit VisionEmbeddingsImpl(const VisionConfig& config);
  /// pixels [n, 3, S, S] -> [n, L, Dv]
  torch::Tensor forward(const torch::Tensor& pixels);

 private:
  PatchEmbedding patch_embedding_;
  Table position_embedding_;
};
TORCH_MODULE(VisionEmbeddings);

/// Attention of the tokens of an image, or a text, among themselves; all see all.
class EncoderAttentionImpl : public torch::nn::Module {
 public:
  EncoderAttentionImpl(int64_t size, int64_t heads);
  /// [n, L, Dv] -> [n, L, Dv]; `mask` is added to the scores, [n, 1, 1, L] or undefined.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask = {});

 private:
  int64_t heads_;
  Linear q_proj_, k_proj_, v_proj_, out_proj_;
};
TORCH_MODULE(EncoderAttention);

/// fc2(gelu(fc1(x)))
class EncoderMlpImpl : public torch::nn::Module {
 public:
  EncoderMlpImpl(int64_t size, int64_t intermediate_size);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Linear fc1_, fc2_;
};
TORCH_MODULE(EncoderMlp);

/// One pre-norm transformer block.
class EncoderLayerImpl : public torch::nn::Module {
 public:
  EncoderLayerImpl(int64_t size, int64_t heads, int64_t intermediate_size, double eps);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask = {});

 private:
  LayerNorm layer_norm1_, layer_norm2_;
  EncoderAttention self_attn_;
  EncoderMlp mlp_;
};
TORCH_MODULE(EncoderLayer);

/// The layers that mPLUG-Owl3 reads: all but the last. Built `with_pooling`, also the last and the
/// final norm, which only pre-training uses.
class VisionModelImpl : public torch::nn::Module {
 public:
  VisionModelImpl(const VisionConfig& config, bool with_pooling);

  /// The hidden states after the second-to-last layer. pixels [n, 3, S, S] -> [n, L, Dv]
  torch::Tensor features(const torch::Tensor& pixels);
  /// One vector per image, the mean of its tokens after the final norm: of all, or, in training, of
  /// a quarter of them, others for each image. SigLIP has a query attend to the tokens instead, and
  /// what an image shows can be anywhere in them then. A decoder learns to read an encoder of this
  /// size several times faster where each token tells it all. pixels [n, 3, S, S] -> [n, Dv]
  torch::Tensor pooled(const torch::Tensor& pixels);

 private:
  VisionEmbeddings embeddings_;
  torch::nn::ModuleList layers_;
  int64_t layers_used_;
  LayerNorm post_layernorm_{nullptr};
};
TORCH_MODULE(VisionModel);

}  // namespace owl3::train
