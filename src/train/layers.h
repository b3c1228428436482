// The layers the model is made of: linear (with room for a LoRA adapter), RMSNorm, rotary
// embedding.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace owl3::train {

/// y = x W^T + b, and with an adapter + (alpha / rank) * dropout(x) A^T B^T.
/// weight [out, in]; the adapter's parameters are lora_A.weight [rank, in] and lora_B.weight
/// [out, rank], the names PEFT gives them.
class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(int64_t in, int64_t out, bool with_bias);

  torch::Tensor forward(const torch::Tensor& x);

  /// Adds an adapter that changes nothing yet: A is random, B is zero.
  void add_adapter(int64_t rank, double alpha, double dropout);
  /// Adds the adapter's product to the weight and removes it.
  void merge_adapter();
  bool has_adapter() const { return static_cast<bool>(lora_A); }

  torch::Tensor weight, bias;  // bias undefined when there is none
  torch::nn::Linear lora_A{nullptr}, lora_B{nullptr};

 private:
  double adapter_scale_ = 0;
  double adapter_dropout_ = 0;
};
TORCH_MODULE(Linear);

/// y = x / sqrt(mean(x^2) + eps) * weight, in float32.
class RmsNormImpl : public torch::nn::Module {
 public:
  RmsNormImpl(int64_t size, double eps);
  torch::Tensor forward(const torch::Tensor& x);

  torch::Tensor weight;

 private:
  double eps_;
};
TORCH_MODULE(RmsNorm);

/// y = (x - mean) / sqrt(variance + eps) * weight + bias, in float32.
class LayerNormImpl : public torch::nn::Module {
 public:
  LayerNormImpl(int64_t size, double eps);
  torch::Tensor forward(const torch::Tensor& x);

  torch::Tensor weight, bias;

 private:
  double eps_;
};
TORCH_MODULE(LayerNorm);

/// A table of vectors, [rows, size]: the embedding of tokens or of positions.
class TableImpl : public torch::nn::Module {
 public:
  TableImpl(int64_t rows, int64_t size);
  torch::Tensor weight;
};
TORCH_MODULE(Table);

/// Cosines and sines of a set of positions, [..., 1, d / 2] each: the 1 stands for the heads.
struct RotaryAngles {
  torch::Tensor cosines, sines;
};

/// The rotary embedding's angles p * theta^(-2i/d), in float32. positions [...] int64
RotaryAngles rotary_angles(const torch::Tensor& positions, int64_t head_size, double theta);

/// Rotates every head in the half-split convention. x [..., H, d]
torch::Tensor rotate(const torch::Tensor& x, const RotaryAngles& angles);

}  // namespace owl3::train
