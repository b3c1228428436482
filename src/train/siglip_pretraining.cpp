#include "train/siglip_pretraining.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/json_reader.h"
#include "formats/safetensors.h"
#include "train/initialise.h"
#include "train/tensor_exchange.h"

namespace owl3::train {

using torch::Tensor;

namespace {

constexpr const char* kTextTowerFile = "text_tower.safetensors";
constexpr const char* kTextTowerConfigFile = "text_tower.json";
constexpr int64_t kMaxTowerSize = 1 << 20;
constexpr size_t kMaxTowerConfigBytes = 1 << 20;

void write_config(const std::filesystem::path& path, const TextTowerConfig& config) {
  const nlohmann::ordered_json json = {{"vocab_size", config.vocab_size},
                                       {"hidden_size", config.hidden_size},
                                       {"num_hidden_layers", config.num_hidden_layers},
                                       {"num_attention_heads", config.num_attention_heads},
                                       {"intermediate_size", config.intermediate_size},
                                       {"max_tokens", config.max_tokens}};
  AtomicFile file(path);
  file.write(json.dump(2) + "\n");
  file.commit();
}

TextTowerConfig read_config(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  const auto json = parse_json_object(text, path.string(), kMaxTowerConfigBytes);
  const JsonReader reader(json, path.string());
  const auto size = [&](const char* key) { return reader.integer(key, 1, kMaxTowerSize); };
  TextTowerConfig config = {size("vocab_size"),        size("hidden_size"),
                            size("num_hidden_layers"), size("num_attention_heads"),
                            size("intermediate_size"), size("max_tokens")};
  if (config.hidden_size % config.num_attention_heads != 0) {
    reader.fail("hidden_size", "must be a multiple of num_attention_heads");
  }
  return config;
}

/// The module's parameters are called `prefix` and their names in the file.
void load_parameters(const torch::nn::Module& module, const std::string& prefix,
                     const TensorMap& tensors, const std::filesystem::path& folder) {
  for (const auto& parameter : module.named_parameters()) {
    const std::string name = prefix + parameter.key();
    const std::string where = fmt::format("{}: {}", folder.string(), name);
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw InputError(where + " is missing");
    copy_values(found->second, parameter.value(), where);
  }
}

Tensor of_length_1(const Tensor& x) {
  return x / x.norm(2, -1, true).clamp_min(1e-12);
}

}  // namespace

TextTowerImpl::TextTowerImpl(const TextTowerConfig& config, int64_t output_size)
    : token_embedding_(config.vocab_size, config.hidden_size),
      position_embedding_(config.max_tokens, config.hidden_size),
      final_layer_norm_(config.hidden_size, 1e-6),
      head_(config.hidden_size, output_size, true) {
  register_module("token_embedding", token_embedding_);
  register_module("position_embedding", position_embedding_);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    layers_->push_back(EncoderLayer(config.hidden_size, config.num_attention_heads,
                                    config.intermediate_size, 1e-6));
  }
  register_module("layers", layers_);
  register_module("final_layer_norm", final_layer_norm_);
  register_module("head", head_);
}

Tensor TextTowerImpl::forward(const Tensor& ids, const Tensor& valid) {
  // -infinity where there is no token   [n, 1, 1, W]
  const Tensor mask =
      torch::zeros(valid.sizes(), torch::dtype(torch::kFloat32).device(ids.device()))
          .masked_fill_(valid.logical_not(), -INFINITY)
          .unsqueeze(1)
          .unsqueeze(1);
  Tensor x = torch::embedding(token_embedding_->weight, ids) +
             position_embedding_->weight.slice(0, 0, ids.size(1));  // [n, W, D]
  for (const auto& layer : *layers_) x = layer->as<EncoderLayer>()->forward(x, mask);
  const Tensor last = valid.sum(1).sub_(1);  // [n]
  const Tensor rows = torch::arange(ids.size(0), last.options());
  return head_(final_layer_norm_(x.index({rows, last})));
}

TextBatch make_text_batch(const std::vector<std::vector<int64_t>>& texts, int64_t max_tokens,
                          torch::Device device) {
  const auto n = static_cast<int64_t>(texts.size());
  size_t width = 1;
  for (const auto& text : texts) width = std::max(width, text.size());
  width = std::min(width, static_cast<size_t>(max_tokens));
  Tensor ids = torch::zeros({n, static_cast<int64_t>(width)}, torch::kInt64);
  Tensor valid = torch::zeros({n, static_cast<int64_t>(width)}, torch::kBool);
  Tensor equal = torch::zeros({n, n}, torch::kBool);
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t length = std::min(width, texts[i].size());
    OWL3_CHECK(length > 0);
    std::copy_n(texts[i].begin(), length, ids.data_ptr<int64_t>() + i * width);
    std::fill_n(valid.data_ptr<bool>() + i * width, length, true);
    for (size_t j = 0; j < texts.size(); ++j) {
      equal.data_ptr<bool>()[i * texts.size() + j] = texts[i] == texts[j];
    }
  }
  return {ids.to(device), valid.to(device), equal.to(device)};
}

Tensor sigmoid_pair_loss(const Tensor& x, const Tensor& y, const Tensor& equal, const Tensor& scale,
                         const Tensor& bias) {
  // logits = scale x y^T + bias   [n, n]
  const Tensor logits = torch::mm(x, y.t()).to(torch::kFloat32) * scale + bias;
  const Tensor z = equal.to(torch::kFloat32).mul_(2).sub_(1);
  return -torch::log_sigmoid(z * logits).sum() / x.size(0);
}

SiglipPretrainerImpl::SiglipPretrainerImpl(const VisionConfig& vision, const TextTowerConfig& text,
                                           uint64_t seed)
    : text_config_(text),
      vision_model_(vision, /*with_pooling=*/true),
      text_model_(text, vision.hidden_size) {
  register_module("vision_model", vision_model_);
  register_module("text_model", text_model_);
  initialise_encoder(*vision_model_, "vision_model.", seed);
  initialise_encoder(*text_model_, "text_model.", seed);
  // The paper's start: most pairs of a batch don't belong together.
  logit_scale_ = register_parameter("logit_scale", torch::full({1}, std::log(10.0)));
  logit_bias_ = register_parameter("logit_bias", torch::full({1}, -10.0));
}

Tensor SiglipPretrainerImpl::embed_images(const Tensor& pixels) {
  return of_length_1(vision_model_->pooled(pixels).to(torch::kFloat32));
}

Tensor SiglipPretrainerImpl::embed_texts(const TextBatch& texts) {
  return of_length_1(text_model_(texts.ids, texts.valid).to(torch::kFloat32));
}

Tensor SiglipPretrainerImpl::loss(const Tensor& pixels, const TextBatch& texts) {
  return sigmoid_pair_loss(embed_images(pixels), embed_texts(texts), texts.equal,
                           logit_scale_.exp(), logit_bias_);
}

void SiglipPretrainerImpl::save(const std::filesystem::path& folder, DType dtype) const {
  std::vector<FileTensor> vision, rest;
  for (const auto& parameter : named_parameters()) {
    auto& file = parameter.key().starts_with("vision_model.") ? vision : rest;
    file.emplace_back(parameter.key(), parameter.value());
  }
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw InputError(fmt::format("{}: {}", folder.string(), failure.message()));
  write_tensors(folder / kTextTowerFile, rest, DType::kF32);
  write_config(folder / kTextTowerConfigFile, text_config_);
  write_tensors(folder / "model.safetensors", vision, dtype);
}

void SiglipPretrainerImpl::load(const std::filesystem::path& folder) {
  TensorMap tensors = load_safetensors(folder / "model.safetensors");
  tensors.merge(load_safetensors(folder / kTextTowerFile));
  load_parameters(*this, "", tensors, folder);
}

TextTower load_text_tower(const std::filesystem::path& folder) {
  const TensorMap tensors = load_safetensors(folder / kTextTowerFile);
  const std::string head = "text_model.head.weight";
  const auto found = tensors.find(head);
  if (found == tensors.end()) {
    throw InputError(fmt::format("{}: {} is missing", folder.string(), head));
  }
  TextTower tower(read_config(folder / kTextTowerConfigFile), found->second.shape()[0]);
  load_parameters(*tower, "text_model.", tensors, folder);
  return tower;
}

}  // namespace owl3::train
