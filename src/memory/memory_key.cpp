#include "memory/memory_key.h"

#include <span>
#include <string>
#include <string_view>

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

}  // namespace

Sha256::Digest model_key(Owl3Model& model, const ModelOptions& options) {
  // Raised when the same pixels and weights give other memories than they did.
  constexpr std::string_view kVersion = "owl3 visual memory 1: (x / 255 - 0.5) / 0.5";
  KeyHash hash(model.backend());
  hash.add(kVersion);
  hash.add(model.checkpoint().required_document(kConfigFile).text);
  hash.add(model.checkpoint().weights_identity());
  hash.add_number(static_cast<uint64_t>(options.precision));
  hash.add_number(options.vision_int8 ? 1 : 0);
  hash.add_number(options.visual_memory_int8 ? 1 : 0);
  const Owl3Weights& weights = model.weights();
  for (const VisionLayerWeights& layer : weights.vision.layers) {
    for (const AdaptedLinear* linear :
         {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.out_proj, &layer.fc1, &layer.fc2}) {
      hash.add_adapters(*linear);
    }
  }
  for (const AdaptedLinear& layer : weights.projector.layers) hash.add_adapters(layer);
  for (const DecoderLayerWeights& layer : weights.decoder.layers) {
    hash.add_adapters(layer.v_kv_proj);
  }
  return hash.finish();
}

}  // namespace owl3
