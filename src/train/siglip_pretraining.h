// Pre-training of the vision encoder with SigLIP's sigmoid loss (arXiv 2303.15343): images and
// texts that belong together get similar vectors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "train/model_files.h"
#include "train/vision.h"

namespace owl3::train {

/// The small text encoder that pre-training needs and nothing after it.
struct TextTowerConfig {
  int64_t vocab_size = 0;
  int64_t hidden_size = 128;
  int64_t num_hidden_layers = 2;
  int64_t num_attention_heads = 4;
  int64_t intermediate_size = 256;
  int64_t max_tokens = 32;  // of a text; longer ones lose their ends
};

class TextTowerImpl : public torch::nn::Module {
 public:
  /// `output_size`: Dv, the size of the image vectors.
  TextTowerImpl(const TextTowerConfig& config, int64_t output_size);
  /// One vector per text, read at its last token, as SigLIP does. ids and valid [n, W] -> [n, Dv]
  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& valid);
  int64_t vocab_size() const { return token_embedding_->weight.size(0); }

 private:
  Table token_embedding_, position_embedding_;
  torch::nn::ModuleList layers_;
  LayerNorm final_layer_norm_;
  Linear head_;
};
TORCH_MODULE(TextTower);

/// The texts of a batch as tensors, padded to the longest.
struct TextBatch {
  torch::Tensor ids, valid;  // int64, bool [n, W]
  /// Which texts say the same as which: those are no negatives of each other. bool [n, n]
  torch::Tensor equal;
};
TextBatch make_text_batch(const std::vector<std::vector<int64_t>>& texts, int64_t max_tokens,
                          torch::Device device = torch::kCPU);

/// -sum over i, j of log sigmoid(z_ij (scale x_i . y_j + bias)) / n, with z = 1 where `equal` holds
/// and -1 elsewhere. x, y [n, Dv] of length 1; scale and bias are one number each.
torch::Tensor sigmoid_pair_loss(const torch::Tensor& x, const torch::Tensor& y,
                                const torch::Tensor& equal, const torch::Tensor& scale,
                                const torch::Tensor& bias);

class SiglipPretrainerImpl : public torch::nn::Module {
 public:
  SiglipPretrainerImpl(const VisionConfig& vision, const TextTowerConfig& text, uint64_t seed);

  /// Vectors of length 1. pixels [n, 3, S, S] -> [n, Dv]
  torch::Tensor embed_images(const torch::Tensor& pixels);
  torch::Tensor embed_texts(const TextBatch& texts);
  /// pixels[i] belongs to text i. A scalar.
  torch::Tensor loss(const torch::Tensor& pixels, const TextBatch& texts);

  const TextTowerConfig& text_config() const { return text_config_; }
  /// Writes the vision encoder, last layer and final norm included, as the vision_model.* of an
  /// official model.safetensors, which load_vision() reads, and all else into
  /// text_tower.safetensors and text_tower.json beside it.
  void save(const std::filesystem::path& folder, DType dtype) const;
  /// Reads what save() wrote.
  void load(const std::filesystem::path& folder);

 private:
  TextTowerConfig text_config_;
  VisionModel vision_model_;
  TextTower text_model_;
  torch::Tensor logit_scale_, logit_bias_;  // the scale's logarithm
};
TORCH_MODULE(SiglipPretrainer);

/// The text tower that save() wrote there. Throws InputError.
TextTower load_text_tower(const std::filesystem::path& folder);

}  // namespace owl3::train
