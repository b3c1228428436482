#include "api/model_facts.h"

#include "api/impl.h"
#include "core/api_call.h"

namespace owl3 {

ModelFacts facts_of(const Model& model) {
  const Owl3Model& owl3 = Internals::of(model).model;
  const ModelConfig& config = owl3.config();
  ModelFacts facts;
  facts.parameters = owl3.checkpoint().parameter_counts().used();
  facts.weight_bytes = static_cast<int64_t>(owl3.checkpoint().weight_bytes());
  facts.layers = config.num_hidden_layers;
  facts.hidden_size = config.hidden_size;
  facts.vocabulary = config.vocab_size;
  facts.number_images = config.number_images;
  return facts;
}

std::vector<int32_t> tokens_of(const Model& model, std::string_view text) {
  return api_call([&] { return Internals::of(model).tokenizer.encode_words(text); });
}

std::string text_of_tokens(const Model& model, std::span<const int32_t> tokens) {
  return api_call([&] {
    const Tokenizer& tokenizer = Internals::of(model).tokenizer;
    for (const int32_t token : tokens) {
      if (token >= 0 && token < tokenizer.vocab_size()) continue;
      throw UsageError(
          fmt::format("there is no token {}: they are 0 to {}", token, tokenizer.vocab_size() - 1));
    }
    return tokenizer.decode(tokens);
  });
}

}  // namespace owl3
