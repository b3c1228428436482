#include "formats/lora_merge.h"

#include <algorithm>

#include "formats/quantise.h"

namespace owl3 {

namespace {

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.size()));
  dequantise(tensor.dtype(), tensor.raw(), values.data(), tensor.size());
  return values;
}

}  // namespace

LoraDelta::LoraDelta(std::span<const LoraAdapter> adapters, const std::string& tensor) {
  constexpr std::string_view kWeight = ".weight";
  if (!tensor.ends_with(kWeight)) return;
  const std::string layer = tensor.substr(0, tensor.size() - kWeight.size());
  for (const LoraAdapter& adapter : adapters) {
    const auto found = adapter.layers.find(layer);
    if (found == adapter.layers.end()) continue;
    const LoraPair& pair = found->second;
    Product product = {floats_of(pair.a), floats_of(pair.b), adapter.rank, pair.a.dim(1)};
    for (float& value : product.b) value = static_cast<float>(adapter.scale * double{value});
    products_.push_back(std::move(product));
  }
}

void LoraDelta::add_to(float* weights, int64_t first, int64_t count) const {
  for (const Product& product : products_) {
    for (int64_t done = 0; done < count;) {
      const int64_t row = (first + done) / product.inputs;
      const int64_t column = (first + done) % product.inputs;
      const int64_t columns = std::min(count - done, product.inputs - column);
      float* to = weights + done;
      for (int64_t k = 0; k < product.rank; ++k) {
        const float factor = product.b[static_cast<size_t>(row * product.rank + k)];
        const float* from = product.a.data() + k * product.inputs + column;
        for (int64_t i = 0; i < columns; ++i) to[i] += factor * from[i];
      }
      done += columns;
    }
  }
}

void check_mergeable(const LoraAdapter& adapter, const Checkpoint& checkpoint) {
  check_lora_adapter(adapter, checkpoint);
  if (checkpoint.config().tie_word_embeddings &&
      adapter.layers.count("language_model.lm_head") != 0) {
    throw InputError(
        fmt::format("{}: changes language_model.lm_head, which is the embedding in {}; it can be "
                    "laid over the model (owl3 chat --lora), but not merged",
                    adapter.folder.string(), checkpoint.path().string()));
  }
}

}  // namespace owl3
