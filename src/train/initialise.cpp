#include "train/initialise.h"

#include <cmath>
#include <string>
#include <string_view>

#include "core/error.h"
#include "train/copying_heads.h"
#include "train/preferred_distance.h"
#include "train/seeded_normal.h"

namespace owl3::train {

namespace {

using torch::Tensor;

void fill_normal(const Tensor& parameter, const std::string& name, uint64_t seed,
                 double deviation) {
  parameter.copy_(seeded_normal(parameter.sizes(), name, seed, deviation));
}

bool is_norm_weight(std::string_view name) {
  return name.ends_with("norm.weight") || name.ends_with("norm1.weight") ||
         name.ends_with("norm2.weight");
}

void fill_encoder(const std::string& name, const Tensor& parameter, uint64_t seed) {
  if (is_norm_weight(name)) {
    parameter.fill_(1);
  } else if (parameter.dim() == 1) {  // biases
    parameter.fill_(0);
  } else if (name.ends_with("position_embedding.weight")) {
    fill_normal(parameter, name, seed, 0.02);
  } else {
    const auto inputs = static_cast<double>(parameter.numel() / parameter.size(0));
    fill_normal(parameter, name, seed, 1.0 / std::sqrt(inputs));
  }
}

/// Rows of v_kv_proj are [Hkv, 2, d]: a head's keys, then its values.
void silence_values(const Tensor& parameter, int64_t head_size) {
  parameter.unflatten(0, {-1, 2, head_size}).select(1, 1).fill_(0);
}

void fill_hyper(const std::string& name, const Tensor& parameter, int64_t head_size,
                const InitialiseOptions& options) {
  if (name.ends_with("gate")) {
    parameter.fill_(options.gate);
  } else if (name.ends_with("bias")) {
    parameter.fill_(0);
  } else {
    fill_normal(parameter, name, options.seed, options.deviation);
    silence_values(parameter, head_size);
  }
}

void look_at_nearest(Owl3ModuleImpl& module, double strength) {
  const ModelConfig& config = module.config();
  const std::string layer =
      fmt::format("language_model.model.layers.{}.self_attn.", config.hyper_layers.front() - 1);
  auto parameters = module.named_parameters();
  // Rows of v_kv_proj are [Hkv, 2, d]: the first head's keys come first in both.
  const auto first_rows = [&](const char* name) {
    return parameters[layer + name].slice(0, 0, config.head_size());
  };
  prefer_distance(first_rows("q_proj.bias"), first_rows("v_kv_proj.bias"), config.rope_theta,
                  strength, 0);
}

bool writes_to_stream(std::string_view name) {
  return name.ends_with(".o_proj.weight") || name.ends_with(".down_proj.weight");
}

bool is_hyper(std::string_view name) {
  return name.find(".self_attn.v_kv_proj.") != std::string_view::npos ||
         name.ends_with(".self_attn.gate");
}

}  // namespace

void initialise(Owl3ModuleImpl& module, const InitialiseOptions& options) {
  const torch::NoGradGuard no_gradients;
  for (const auto& parameter : module.named_parameters()) {
    const std::string& name = parameter.key();
    const Tensor& tensor = parameter.value();
    if (name.starts_with("vision_model.")) {
      fill_encoder(name, tensor, options.seed);
    } else if (is_hyper(name)) {
      fill_hyper(name, tensor, module.config().head_size(), options);
    } else if (is_norm_weight(name)) {
      tensor.fill_(1);
    } else if (tensor.dim() == 1) {
      tensor.fill_(0);
    } else {
      // GPT-2's way to keep the stream's size: what writes into it is the smaller, the more do.
      const auto layers = static_cast<double>(module.config().num_hidden_layers);
      const double share = writes_to_stream(name) ? 1 / std::sqrt(2 * layers) : 1;
      fill_normal(tensor, name, options.seed, options.deviation * share);
    }
  }
  if (options.nearest_image > 0 && !module.config().hyper_layers.empty()) {
    look_at_nearest(module, options.nearest_image);
  }
  if (options.copying > 0) start_copying(module, options.copying, options.deviation, options.seed);
}

void initialise_encoder(const torch::nn::Module& encoder, const std::string& prefix,
                        uint64_t seed) {
  const torch::NoGradGuard no_gradients;
  for (const auto& parameter : encoder.named_parameters()) {
    fill_encoder(prefix + parameter.key(), parameter.value(), seed);
  }
}

}  // namespace owl3::train
