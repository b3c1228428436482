// The structures of the released checkpoints, from their configs (docs: the model's specification).
#include "core/error.h"
#include "formats/random_checkpoint.h"

namespace owl3 {

namespace {

/// SigLIP so400m with 14-pixel patches, the vision encoder of all released checkpoints.
VisionConfig siglip_so400m(int64_t image_size) {
  VisionConfig vision;
  vision.hidden_size = 1152;
  vision.num_hidden_layers = 27;
  vision.num_attention_heads = 16;
  vision.intermediate_size = 4304;
  vision.image_size = image_size;
  vision.patch_size = 14;
  return vision;
}

ModelConfig decoder(int64_t hidden_size, int64_t layers, int64_t heads, int64_t key_value_heads,
                    int64_t intermediate_size, std::vector<int64_t> hyper_layers) {
  ModelConfig config;
  config.hidden_size = hidden_size;
  config.num_hidden_layers = layers;
  config.num_attention_heads = heads;
  config.num_key_value_heads = key_value_heads;
  config.intermediate_size = intermediate_size;
  config.hyper_layers = std::move(hyper_layers);
  return config;
}

CheckpointShape like_1b() {
  ModelConfig config = decoder(896, 24, 14, 2, 4864, {6, 13, 20, 22});
  config.vocab_size = 151851;
  config.tie_word_embeddings = true;
  config.vision = siglip_so400m(384);
  return {"1b", Variant::kGated, config};
}

CheckpointShape like_2b() {
  // Only the released config.json says which layers are hyper layers. These four are spread like
  // the 7B's; which ones they are changes neither sizes nor speed.
  ModelConfig config = decoder(1536, 28, 12, 2, 8960, {7, 14, 21, 24});
  config.vocab_size = 151851;
  config.tie_word_embeddings = true;
  config.vision = siglip_so400m(384);
  return {"2b", Variant::kGated, config};
}

CheckpointShape like_7b_240728() {
  ModelConfig config = decoder(3584, 28, 28, 4, 18944, {1, 9, 17, 25});
  config.vocab_size = 151851;
  config.vision = siglip_so400m(384);
  return {"7b-240728", Variant::kGated, config};
}

CheckpointShape like_7b_241101() {
  ModelConfig config = decoder(3584, 28, 28, 4, 18944, {7, 15, 23, 26});
  config.vocab_size = 151651;
  config.vision = siglip_so400m(378);
  return {"7b-241101", Variant::kUnified, config};
}

/// Every structure of the real ones in a megabyte or two; for tests and first tries.
CheckpointShape tiny() {
  ModelConfig config = decoder(128, 4, 4, 2, 352, {2, 4});
  config.vocab_size = 512;
  config.vision.hidden_size = 144;
  config.vision.num_hidden_layers = 3;
  config.vision.num_attention_heads = 2;
  config.vision.intermediate_size = 304;
  config.vision.image_size = 56;
  config.vision.patch_size = 14;
  return {"tiny", Variant::kGated, config};
}

}  // namespace

std::vector<std::string_view> checkpoint_shape_names() {
  return {"1b", "2b", "7b-240728", "7b-241101", "tiny"};
}

CheckpointShape checkpoint_shape(std::string_view name) {
  if (name == "1b") return like_1b();
  if (name == "2b") return like_2b();
  if (name == "7b-240728") return like_7b_240728();
  if (name == "7b-241101") return like_7b_241101();
  if (name == "tiny") return tiny();
  throw UsageError(fmt::format("no checkpoint is like \"{}\"; choose one of {}", name,
                               fmt::join(checkpoint_shape_names(), ", ")));
}

}  // namespace owl3
