#include "memory/memory_key.h"

#include <bit>
#include <span>
#include <string>
#include <string_view>

#include "core/checksum.h"
#include "core/threads.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

/// What is added is told apart from what is added next.
class KeyHash {
 public:
  explicit KeyHash(Backend& backend) : backend_(backend) {}

  void add(std::string_view text) {
    add_number(text.size());
    sha_.add(std::as_bytes(std::span(text)));
  }
  void add_bytes(std::span<const uint8_t> bytes) { sha_.add(std::as_bytes(bytes)); }
  void add_number(uint64_t number) { sha_.add(std::as_bytes(std::span(&number, 1))); }
  void add(const Tensor& tensor) {
    add_number(static_cast<uint64_t>(tensor.dtype()));
    add(to_string(tensor.shape()));
    if (!tensor.defined()) return;
    const Tensor host = backend_.download(tensor);
    sha_.add({host.data<std::byte>(), host.size_bytes()});
  }
  void add_adapters(const AdaptedLinear& layer) {
    add_number(layer.adapters.size());
    for (const LowRankProduct& adapter : layer.adapters) {
      add(adapter.a.weight);
      add(adapter.b.weight);
    }
  }
  Sha256::Digest finish() { return sha_.finish(); }

 private:
  Backend& backend_;
  Sha256 sha_;
};

bool is_looked_through(const ExpectedTensor& tensor, const ModelConfig& config) {
  switch (tensor.part) {
    case ModelPart::kVision:
    case ModelPart::kProjector:
      return true;
    case ModelPart::kHyper:
      return tensor.name.find(".v_kv_proj.") != std::string::npos;
    case ModelPart::kDecoder:
      break;
    case ModelPart::kUnused:
      return false;
  }
  // The norm before v_kv_proj.
  for (const int64_t layer : config.hyper_layers) {
    if (tensor.name.ends_with(fmt::format(".layers.{}.input_layernorm.weight", layer - 1))) {
      return true;
    }
  }
  return false;
}

void add_config(KeyHash& hash, const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  for (const int64_t number :
       {vision.hidden_size, vision.num_hidden_layers, vision.num_attention_heads,
        vision.intermediate_size, vision.image_size, vision.patch_size, config.hidden_size,
        config.num_key_value_heads, config.head_size()}) {
    hash.add_number(static_cast<uint64_t>(number));
  }
  hash.add_number(std::bit_cast<uint64_t>(vision.layer_norm_eps));
  hash.add_number(std::bit_cast<uint64_t>(config.rms_norm_eps));
  for (const int64_t layer : config.hyper_layers) hash.add_number(static_cast<uint64_t>(layer));
}

}  // namespace

std::optional<Sha256::Digest> vision_adapters_digest(Owl3Model& model) {
  KeyHash hash(model.backend());
  size_t adapters = 0;
  const auto add = [&](const AdaptedLinear& layer) {
    hash.add_adapters(layer);
    adapters += layer.adapters.size();
  };
  const Owl3Weights& weights = model.weights();
  for (const VisionLayerWeights& layer : weights.vision.layers) {
    for (const AdaptedLinear* linear :
         {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.out_proj, &layer.fc1, &layer.fc2}) {
      add(*linear);
    }
  }
  for (const AdaptedLinear& layer : weights.projector.layers) add(layer);
  for (const DecoderLayerWeights& layer : weights.decoder.layers) add(layer.v_kv_proj);
  if (adapters == 0) return std::nullopt;
  return hash.finish();
}

Sha256::Digest vision_weights_digest(Owl3Model& model, int threads) {
  const Checkpoint& checkpoint = model.checkpoint();
  std::vector<ExpectedTensor> tensors = expected_tensors(model.config(), checkpoint.variant());
  std::erase_if(tensors, [&](const ExpectedTensor& tensor) {
    return !is_looked_through(tensor, model.config());
  });
  std::vector<Checksum> sums(tensors.size());
  parallel_for(threads, static_cast<int64_t>(tensors.size()), [&](int64_t i) {
    const auto index = static_cast<size_t>(i);
    const Tensor& tensor = checkpoint.tensor(tensors[index].name);
    const void* const data = tensor.raw();
    sums[index] = checksum_of({static_cast<const std::byte*>(data), tensor.size_bytes()});
    // They are read to be told apart, and perhaps never used.
    if (!checkpoint.is_in_memory()) release_mapped(data, tensor.size_bytes());
  });
  KeyHash hash(model.backend());
  add_config(hash, model.config());
  for (size_t i = 0; i < tensors.size(); ++i) {
    hash.add(tensors[i].name);
    hash.add_number(static_cast<uint64_t>(checkpoint.tensor(tensors[i].name).dtype()));
    hash.add_bytes(sums[i]);
  }
  return hash.finish();
}

Sha256::Digest model_key(Owl3Model& model, const ModelOptions& options) {
  KeyHash hash(model.backend());
  hash.add(kMemoryPreprocessing);
  hash.add(model.checkpoint().required_document(kConfigFile).text);
  if (model.checkpoint().is_in_memory()) {
    // Where they lie in it is another place in every process.
    hash.add_bytes(vision_weights_digest(model, available_threads()));
  } else {
    hash.add(model.checkpoint().weights_identity());
  }
  hash.add_number(static_cast<uint64_t>(options.precision));
  hash.add_number(options.vision_int8 ? 1 : 0);
  hash.add_number(options.visual_memory_int8 ? 1 : 0);
  if (const auto adapters = vision_adapters_digest(model)) hash.add_bytes(*adapters);
  return hash.finish();
}

}  // namespace owl3
