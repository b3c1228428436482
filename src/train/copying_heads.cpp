#include "train/copying_heads.h"

#include <torch/torch.h>

#include "core/error.h"
#include "train/attention_heads.h"
#include "train/preferred_distance.h"

namespace owl3::train {

namespace {

using torch::Tensor;

constexpr double kShutGate = -6;  // before the sigmoid

}  // namespace

void start_copying(Owl3ModuleImpl& module, double sharpness, double deviation, uint64_t seed) {
  const ModelConfig& config = module.config();
  if (config.num_hidden_layers < 2 || config.num_attention_heads < 3 ||
      config.num_key_value_heads < config.num_attention_heads) {
    throw InputError("init.copying needs two layers, and three heads with keys of their own");
  }
  const int64_t d = config.head_size(), half = d / 2;
  const StreamDirections stream = stream_directions(config, seed);
  const Tensor &identity = stream.identity, &told = stream.told;
  auto parameters = module.named_parameters();
  const Tensor embeddings = parameters["language_model.model.embed_tokens.weight"];
  embeddings.sub_(embeddings.matmul(told.t()).matmul(told));  // only predecessors are told there
  // Training gives tokens of a kind much in common, in steps of the learning rate; what tells them
  // apart is to stay the larger part.
  embeddings.mul_(kEmbeddingSize);
  const double size = kEmbeddingSize * deviation;  // of the stream

  AttentionHead previous(module, 0, 0);
  prefer_distance(previous.rows("q_proj.bias"), previous.rows("k_proj.bias"), config.rope_theta, 6,
                  1);
  previous.rows("v_proj.weight").slice(0, 0, half).copy_(identity);
  previous.output().slice(1, 0, half).copy_(2 * size * told.t());
  // It goes on telling where there are images: its gates are shut.
  const Tensor* gate = parameters.find("language_model.model.layers.0.self_attn.gate");
  if (gate != nullptr) gate->slice(0, config.hidden_size - d).fill_(kShutGate);

  AttentionHead continuing(module, 1, 0);
  fill_slow_channels(continuing.rows("q_proj.weight"), sharpness * identity);
  fill_slow_channels(continuing.rows("k_proj.weight"), sharpness * told);
  copy_values(continuing, stream.continued, 8 * size);

  AttentionHead same(module, 1, 1);
  fill_slow_channels(same.rows("q_proj.weight"), sharpness * identity);
  fill_slow_channels(same.rows("k_proj.weight"), sharpness * identity);
  // Who looks for a token like itself would find itself.
  look_away(same.rows("q_proj.bias"), same.rows("k_proj.bias"), 2.5);
  copy_values(same, stream.found, size);
}

}  // namespace owl3::train
