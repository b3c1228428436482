#include "formats/random_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/mapped_file.h"
#include "core/threads.h"
#include "formats/random_weights.h"
#include "formats/safetensors.h"
#include "formats/syllable_tokenizer.h"
#include "formats/tokenizer_writer.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int64_t kChunkElements = 4 << 20;  // written at once
constexpr int64_t kTaskElements = 1 << 18;   // filled by one thread at once

/// The first id of the special tokens: that of the released tokenizers, or, in a vocabulary too
/// small for it, the last ids.
int64_t text_tokens(const ModelConfig& config) {
  constexpr int64_t kQwen2TextTokens = 151643;
  return std::min(kQwen2TextTokens, config.vocab_size - special_token_count());
}

void write_text(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

Json vision_json(const VisionConfig& vision) {
  return {{"hidden_size", vision.hidden_size},
          {"image_size", vision.image_size},
          {"intermediate_size", vision.intermediate_size},
          {"model_type", "siglip_vision_model"},
          {"num_attention_heads", vision.num_attention_heads},
          {"num_hidden_layers", vision.num_hidden_layers},
          {"patch_size", vision.patch_size}};
}

Json config_json(const ModelConfig& config, DType dtype) {
  const int64_t specials = text_tokens(config);
  return {{"architectures", {"mPLUGOwl3Model"}},
          {"model_type", "mplugowl3"},
          {"bos_token_id", specials},
          {"eos_token_id", specials + 2},
          {"hidden_act", "silu"},
          {"hidden_size", config.hidden_size},
          {"hyper_layers", config.hyper_layers},
          {"intermediate_size", config.intermediate_size},
          {"max_position_embeddings", config.max_position_embeddings},
          {"num_attention_heads", config.num_attention_heads},
          {"num_hidden_layers", config.num_hidden_layers},
          {"num_key_value_heads", config.num_key_value_heads},
          {"rms_norm_eps", config.rms_norm_eps},
          {"rope_theta", config.rope_theta},
          {"tie_word_embeddings", config.tie_word_embeddings},
          {"torch_dtype", name_of(dtype)},
          {"use_sliding_window", false},
          {"vocab_size", config.vocab_size},
          {"vision_config", vision_json(config.vision)}};
}

/// The official sampling defaults.
Json generation_json(const ModelConfig& config) {
  const int64_t specials = text_tokens(config);
  return {{"do_sample", true},
          {"temperature", 0.7},
          {"top_p", 0.8},
          {"top_k", 100},
          {"repetition_penalty", 1.05},
          {"max_new_tokens", 2048},
          {"eos_token_id", {specials + 2, specials}}};
}

/// How one tensor's values are drawn.
struct Distribution {
  bool constant = false;
  float value = 0;      // of a constant
  float deviation = 0;  // of random values
};

/// Scales that keep every activation finite and make the logits depend on the text and the images:
/// linear layers keep the variance of their input (deviation 1 / sqrt(fan-in)), queries are doubled
/// so that attention has preferences, norms are the identity, gates scatter around one half.
Distribution distribution_of(const ExpectedTensor& tensor) {
  const std::string_view name = tensor.name;
  if (name.ends_with("norm.weight") || name.ends_with("norm1.weight") ||
      name.ends_with("norm2.weight")) {
    return {.constant = true, .value = 1};
  }
  if (name.find("norm") != std::string_view::npos) return {.constant = true, .value = 0};
  if (name.ends_with("bias")) return {.deviation = 0.02f};
  if (name.ends_with("self_attn.gate") ||
      name.find("position_embedding") != std::string_view::npos) {
    return {.deviation = 0.5f};
  }
  int64_t fan_in = 1;
  for (size_t axis = 1; axis < tensor.shape.size(); ++axis) fan_in *= tensor.shape[axis];
  const float gain = name.ends_with("q_proj.weight") ? 2.0f : 1.0f;
  return {.deviation = gain / std::sqrt(static_cast<float>(fan_in))};
}

/// Token ids whose logits are kept small: bytes that don't print or are half a character, which a
/// random model would otherwise put into most of its words in a small vocabulary.
constexpr int64_t kQuietIdsBegin = 94;
constexpr int64_t kQuietIdsEnd = 256;
constexpr float kQuietScale = 0.1f;

bool is_by_token(std::string_view name) {
  return name == "language_model.model.embed_tokens.weight" ||
         name == "language_model.lm_head.weight";
}

/// Fills elements begin..end-1 of the tensor.
void fill_elements(const ExpectedTensor& tensor, DType dtype, std::byte* values, int64_t begin,
                   int64_t end, uint64_t key) {
  const Distribution distribution = distribution_of(tensor);
  if (distribution.constant) return fill_constant(dtype, values, end - begin, distribution.value);
  const auto fill_part = [&](int64_t part_begin, int64_t part_end, float deviation) {
    const int64_t from = std::clamp(part_begin, begin, end);
    const int64_t to = std::clamp(part_end, begin, end);
    fill_random(dtype, values + static_cast<size_t>(from - begin) * size_of(dtype), from, to - from,
                key, deviation);
  };
  if (!is_by_token(tensor.name)) return fill_part(begin, end, distribution.deviation);
  const int64_t width = tensor.shape[1];
  fill_part(0, kQuietIdsBegin * width, distribution.deviation);
  fill_part(kQuietIdsBegin * width, kQuietIdsEnd * width, distribution.deviation * kQuietScale);
  fill_part(kQuietIdsEnd * width, tensor.shape[0] * width, distribution.deviation);
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t dimension : shape) count *= dimension;
  return count;
}

using Shard = std::vector<ExpectedTensor>;

std::vector<ExpectedTensor> all_tensors(const CheckpointShape& shape) {
  std::vector<ExpectedTensor> tensors = expected_tensors(shape.config, shape.variant);
  for (ExpectedTensor& tensor : unused_tensors(shape.config)) tensors.push_back(std::move(tensor));
  return tensors;
}

/// Tensors in order into files of at most `shard_bytes`; a larger tensor gets a file of its own.
std::vector<Shard> cut_into_shards(std::vector<ExpectedTensor> tensors, DType dtype,
                                   uint64_t shard_bytes) {
  std::vector<Shard> shards(1);
  uint64_t filled = 0;
  for (ExpectedTensor& tensor : tensors) {
    const uint64_t bytes = static_cast<uint64_t>(element_count(tensor.shape)) * size_of(dtype);
    if (filled > 0 && filled + bytes > shard_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    filled += bytes;
    shards.back().push_back(std::move(tensor));
  }
  return shards;
}

/// Writes the weights chunk by chunk: filled by all threads, then appended.
class WeightStream {
 public:
  WeightStream(const RandomCheckpointOptions& options, uint64_t total_bytes,
               const ProgressCallback& progress)
      : options_(options),
        total_bytes_(total_bytes),
        progress_(progress),
        chunk_(static_cast<size_t>(kChunkElements) * size_of(options.dtype)) {}

  void write_shard(const fs::path& path, const Shard& shard) {
    std::vector<TensorSpec> specs;
    for (const ExpectedTensor& tensor : shard) {
      specs.push_back({tensor.name, options_.dtype, tensor.shape});
    }
    SafetensorsWriter writer(path, std::move(specs));
    for (const ExpectedTensor& tensor : shard) write_tensor(writer, tensor);
    writer.commit();
  }

 private:
  void write_tensor(SafetensorsWriter& writer, const ExpectedTensor& tensor) {
    const size_t element = size_of(options_.dtype);
    const uint64_t key = random_key(options_.seed, tensor.name);
    const int64_t count = element_count(tensor.shape);
    for (int64_t begin = 0; begin < count; begin += kChunkElements) {
      const int64_t end = std::min(count, begin + kChunkElements);
      const int64_t tasks = (end - begin + kTaskElements - 1) / kTaskElements;
      parallel_for(options_.threads, tasks, [&](int64_t task) {
        const int64_t from = begin + task * kTaskElements;
        fill_elements(tensor, options_.dtype,
                      chunk_.data() + static_cast<size_t>(from - begin) * element, from,
                      std::min(end, from + kTaskElements), key);
      });
      writer.write(chunk_.data(), static_cast<size_t>(end - begin) * element);
      report(static_cast<uint64_t>(end - begin) * element);
    }
  }

  void report(uint64_t bytes) {
    done_bytes_ += bytes;
    if (progress_ && !progress_("writing weights", static_cast<int64_t>(done_bytes_),
                                static_cast<int64_t>(total_bytes_))) {
      throw Interrupted("interrupted");
    }
  }

  const RandomCheckpointOptions& options_;
  uint64_t total_bytes_;
  const ProgressCallback& progress_;
  std::vector<std::byte> chunk_;
  uint64_t done_bytes_ = 0;
};

void write_weights(const fs::path& folder, const CheckpointShape& shape,
                   const RandomCheckpointOptions& options, const ProgressCallback& progress) {
  const uint64_t total_bytes = random_checkpoint_bytes(shape, options.dtype);
  WeightStream stream(options, total_bytes, progress);
  const auto shards = cut_into_shards(all_tensors(shape), options.dtype, options.shard_bytes);
  if (shards.size() == 1) return stream.write_shard(folder / "model.safetensors", shards[0]);

  std::map<std::string, std::string> weight_map;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string file = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    stream.write_shard(folder / file, shards[i]);
    for (const ExpectedTensor& tensor : shards[i]) weight_map[tensor.name] = file;
  }
  const Json index = {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", weight_map}};
  write_text(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

void write_tokenizer(const fs::path& folder, const ModelConfig& config, const fs::path& source) {
  if (source.empty()) {
    return write_text(folder / "tokenizer.json", make_syllable_tokenizer(text_tokens(config)));
  }
  const auto file = MappedFile::open(source);
  AtomicFile copy(folder / "tokenizer.json");
  copy.write(file->bytes().data(), file->bytes().size());
  copy.commit();
}

}  // namespace

uint64_t random_checkpoint_bytes(const CheckpointShape& shape, DType dtype) {
  uint64_t bytes = 0;
  for (const ExpectedTensor& tensor : all_tensors(shape)) {
    bytes += static_cast<uint64_t>(element_count(tensor.shape)) * size_of(dtype);
  }
  return bytes;
}

void write_random_checkpoint(const fs::path& folder, const CheckpointShape& shape,
                             const RandomCheckpointOptions& options,
                             const ProgressCallback& progress) {
  write_tokenizer(folder, shape.config, options.tokenizer);
  write_text(folder / "config.json", config_json(shape.config, options.dtype).dump(2) + "\n");
  write_text(folder / "generation_config.json", generation_json(shape.config).dump(2) + "\n");
  write_weights(folder, shape, options, progress);
}

}  // namespace owl3
