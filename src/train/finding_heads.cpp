#include "train/finding_heads.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/attention_heads.h"
#include "train/copying_heads.h"
#include "train/preferred_distance.h"
#include "train/siglip_space.h"

namespace owl3::train {

namespace {

using torch::Tensor;

/// How much larger the meaning of embeddings is than their other parts of that many directions.
constexpr double kMeaningSize = 1.5;
/// The space's minor components are made louder than they are, so that they are heard.
constexpr double kMinorSize = 2;
/// How much a word means what the word before it means: its own meaning counts kMeaningSize.
constexpr double kPredecessorSize = 1.5;
/// How much sharper words are looked for among the tokens of a text than among images.
constexpr double kAmongTokens = 1.3;
/// How much a token directly behind an image is preferred where the same token is looked for.
constexpr double kBehindImage = 4;

Tensor of_length(const Tensor& rows, double length) {
  return rows * (length / rows.norm(2, -1, true).clamp_min(1e-12));
}

/// [hidden, Dv]: principal components to where the stream keeps what images show, the next ones to
/// what else tells tokens apart.
Tensor turn_into_stream(const Tensor& shown, const Tensor& others, const Tensor& components) {
  const int64_t half = shown.size(0);
  const int64_t minor = std::min(others.size(0), components.size(0) - half);
  return shown.t().matmul(components.slice(0, 0, half)) +
         kMinorSize * others.slice(0, 0, minor).t().matmul(components.slice(0, half, half + minor));
}

/// For the channels that turn least, the least of all for the first components, so that they tell
/// far images apart.
Tensor slow_rows(const Tensor& rows, double sharpness) {
  const Tensor last_first = sharpness * rows.flip(0);
  return torch::cat({last_first.slice(0, 0, {}, 2), last_first.slice(0, 1, {}, 2)});
}

/// What an image shows is put where the stream keeps what was seen.
void tell_what_is_seen(AttentionHead& head, const StreamDirections& stream, double size) {
  const int64_t half = stream.seen.size(0);
  head.visual_values().slice(0, 0, half).copy_(stream.meaning);
  head.output().slice(1, 0, half).copy_(size * stream.seen.t());
}

/// start_copying() has this head look for the same token elsewhere; the slowest pair of its
/// channels, and the identity's two directions there, are given up for where that is to be.
void prefer_behind_images(Owl3ModuleImpl& module, const StreamDirections& stream,
                          const Tensor& image_token, double size) {
  AttentionHead same(module, 1, 1);
  const int64_t d = same.rows("q_proj.bias").size(0);
  for (const char* part : {"q_proj", "k_proj"}) {
    const Tensor weight = same.rows(fmt::format("{}.weight", part).c_str());
    weight[d / 2 - 1].fill_(0);
    weight[d - 1].fill_(0);
  }
  const Tensor identity = stream.identity.matmul(image_token);  // [d / 2]
  same.rows("q_proj.bias")[d / 2 - 1] = kBehindImage;
  same.rows("k_proj.weight")[d / 2 - 1].copy_(kBehindImage / identity.norm() *
                                              identity.matmul(stream.told));
  same.output().slice(1, d / 2).copy_(size * stream.seen.t());
}

/// A word attends to what shows its meaning, of all that a text's tokens saw and are not.
void find_what_was_seen(AttentionHead& head, const StreamDirections& stream, double sharpness) {
  fill_slow_channels(head.rows("q_proj.weight"),
                     slow_rows(stream.meaning, kAmongTokens * sharpness));
  fill_slow_channels(head.rows("k_proj.weight"),
                     slow_rows(stream.seen - stream.meaning, kAmongTokens * sharpness));
}

void start_hyper_heads(Owl3ModuleImpl& module, const StreamDirections& stream, double sharpness,
                       double size) {
  const ModelConfig& config = module.config();
  AttentionHead nearest(module, 0, config.num_attention_heads - 1);
  tell_what_is_seen(nearest, stream, 3 * size);
  const Tensor meaning = slow_rows(stream.meaning, sharpness);
  for (const int64_t layer : config.hyper_layers) {
    if (layer == 1) continue;
    AttentionHead finding(module, layer - 1, 0);  // config.json counts from 1
    fill_slow_channels(finding.rows("q_proj.weight"), meaning);
    fill_slow_channels(finding.visual_keys(), meaning);
    tell_what_is_seen(finding, stream, 4 * size);
  }
}

/// The same of self-attention, where images stand in the text.
void start_interleaved_heads(Owl3ModuleImpl& module, const StreamDirections& stream,
                             double sharpness, double size) {
  const ModelConfig& config = module.config();
  const int64_t half = stream.seen.size(0);
  AttentionHead behind(module, 0, config.num_attention_heads - 1);
  prefer_distance(behind.rows("q_proj.bias"), behind.rows("k_proj.bias"), config.rope_theta, 6, 1);
  behind.rows("v_proj.weight").slice(0, 0, half).copy_(stream.seen - stream.meaning);
  behind.output().slice(1, 0, half).copy_(3 * size * stream.seen.t());
  for (int64_t layer = 2; layer < config.num_hidden_layers; layer += 2) {
    AttentionHead finding(module, layer, 0);
    find_what_was_seen(finding, stream, sharpness);
    finding.rows("v_proj.weight").slice(0, 0, half).copy_(stream.seen);
    finding.output().slice(1, 0, half).copy_(4 * size * stream.seen.t());
  }
}

void require_room(const ModelConfig& config, Variant variant) {
  if (config.num_hidden_layers >= 2 && config.hyper_layers.empty()) return;
  if (variant != Variant::kGated || config.num_hidden_layers < 2 || !config.is_hyper_layer(0) ||
      config.is_hyper_layer(1)) {
    throw InputError(
        "init.finding needs the gated variant, and hyper attention in the first layer but not in "
        "the second; or none at all");
  }
}

}  // namespace

void start_finding(Owl3ModuleImpl& module, const std::filesystem::path& siglip,
                   const FindingOptions& options) {
  const auto [sharpness, deviation, seed, image_token] = options;
  const torch::NoGradGuard no_gradients;
  const ModelConfig& config = module.config();
  require_room(config, module.variant());
  const bool interleaved = config.hyper_layers.empty();
  const StreamDirections stream = stream_directions(config, seed);
  const int64_t half = stream.meaning.size(0);
  auto parameters = module.named_parameters();
  const Tensor embeddings = parameters["language_model.model.embed_tokens.weight"];
  const SiglipSpace space = load_siglip_space(siglip, embeddings.size(0));
  if (space.words.size(1) != config.vision.hidden_size || space.words.size(1) < half) {
    throw InputError(fmt::format("{}: its text tower is of another size than the vision encoder",
                                 siglip.string()));
  }
  const double size = kEmbeddingSize * deviation;  // of the stream

  embeddings.sub_(embeddings.matmul(stream.found.t()).matmul(stream.found));
  const Tensor meanings = of_length(space.words.matmul(space.components.slice(0, 0, half).t()),
                                    kMeaningSize * size * std::sqrt(static_cast<double>(half)));
  embeddings.slice(0, 0, meanings.size(0)).add_(meanings.matmul(stream.meaning + stream.seen));
  if (interleaved) {
    const Tensor turn = turn_into_stream(stream.seen, stream.continued, space.components);
    fill_two_layers(module, turned_features(module, siglip, turn, seed), kMeaningSize * size, seed);
    // What is behind an image is told so: its tokens are known by the identity of its one.
    parameters["vision2text_model.2.bias"].add_(
        embeddings[image_token].matmul(stream.identity.t()).matmul(stream.identity));
  } else {
    const Tensor turn = turn_into_stream(
        stream.meaning, torch::cat({stream.continued, stream.identity, stream.seen}),
        space.components);
    const LinearMap map = turned_features(module, siglip, turn, seed);
    parameters["vision2text_model.weight"].copy_(map.weight);
    parameters["vision2text_model.bias"].copy_(map.bias);
  }

  // start_copying() has it tell predecessors' identities in the first half of its channels.
  AttentionHead previous(module, 0, 0);
  previous.rows("v_proj.weight").slice(0, half).copy_(stream.meaning);
  previous.output().slice(1, half).copy_(kPredecessorSize * size * stream.meaning.t());
  if (interleaved) {
    start_interleaved_heads(module, stream, sharpness, size);
  } else {
    start_hyper_heads(module, stream, sharpness, size);
  }
  // Words are no images: the difference is what a token saw and is not. It stands among all the
  // tokens of the text, an image only among images.
  AttentionHead told(module, 1, 2);
  find_what_was_seen(told, stream, sharpness);
  look_away(told.rows("q_proj.bias"), told.rows("k_proj.bias"), 2.5);
  copy_values(told, stream.continued, 3 * size);
  prefer_behind_images(module, stream, embeddings[image_token], 4 * size);
}

}  // namespace owl3::train
