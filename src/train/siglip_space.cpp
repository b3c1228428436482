#include "train/siglip_space.h"

#include <torch/torch.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "formats/safetensors.h"
#include "train/seeded_normal.h"
#include "train/siglip_pretraining.h"
#include "train/tensor_exchange.h"

namespace owl3::train {

using torch::Tensor;

namespace {

/// The features of pictures of noise on plain grounds: [16, L, Dv].
Tensor typical_features(Owl3ModuleImpl& module, uint64_t seed) {
  const int64_t side = module.config().vision.image_size;
  const Tensor grounds = seeded_normal({16, 3, 1, 1}, "plain grounds", seed, 0.6);
  const Tensor noise = seeded_normal({16, 3, side, side}, "noise", seed, 0.2);
  return module.encode_images((grounds + noise).clamp_(-1, 1));
}

double standard_deviation(const Tensor& features) {
  return features.std(-1).mean().item<double>();
}

}  // namespace

SiglipSpace load_siglip_space(const std::filesystem::path& siglip, int64_t vocabulary) {
  TextTower tower = load_text_tower(siglip);
  std::vector<std::vector<int64_t>> tokens;
  const int64_t known = std::min(vocabulary, tower->vocab_size());
  for (int64_t token = 0; token < known; ++token) tokens.push_back({token});
  const TextBatch batch = make_text_batch(tokens, 1);
  Tensor words = tower(batch.ids, batch.valid).to(torch::kFloat32);
  words = words / words.norm(2, -1, true).clamp_min(1e-12);
  words = words - words.mean(0, true);
  return {words, std::get<2>(torch::linalg_svd(words, /*full_matrices=*/true))};
}

LinearMap turned_features(Owl3ModuleImpl& module, const std::filesystem::path& siglip,
                          const Tensor& turn, uint64_t seed) {
  const TensorMap tensors = load_safetensors(siglip / "model.safetensors");
  const auto norm = [&](const std::string& part) {
    const std::string name = "vision_model.post_layernorm." + part;
    const auto found = tensors.find(name);
    const std::string where = fmt::format("{}: {}", siglip.string(), name);
    if (found == tensors.end()) throw InputError(where + " is missing");
    Tensor values = torch::zeros({module.config().vision.hidden_size});
    copy_values(found->second, values, where);
    return values;
  };
  const int64_t size = module.config().vision.hidden_size;
  const Tensor centred = torch::eye(size) - 1.0 / static_cast<double>(size);
  return {turn.matmul(norm("weight").unsqueeze(1) * centred),
          turn.matmul(norm("bias") * standard_deviation(typical_features(module, seed)))};
}

void fill_two_layers(Owl3ModuleImpl& module, const LinearMap& map, double size, uint64_t seed) {
  const Tensor values = torch::linear(typical_features(module, seed), map.weight, map.bias);
  const double typical = values.square().mean().sqrt().item<double>();
  constexpr double kFarAbove = 4, kSpread = 0.5;  // of GELU's inputs
  auto parameters = module.named_parameters();
  parameters["vision2text_model.0.weight"].copy_(map.weight * (kSpread / typical));
  parameters["vision2text_model.0.bias"].copy_(map.bias * (kSpread / typical) + kFarAbove);
  parameters["vision2text_model.2.weight"].copy_(torch::eye(map.bias.size(0)) * (size / kSpread));
  parameters["vision2text_model.2.bias"].fill_(-kFarAbove * size / kSpread);
}

}  // namespace owl3::train
