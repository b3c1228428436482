#include "formats/lora_adapter.h"

#include <cmath>

#include "core/mapped_file.h"
#include "formats/json_reader.h"
#include "formats/safetensors.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";
constexpr size_t kMaxConfigBytes = 16 << 20;
constexpr int64_t kMaxRank = 65536;

// Every name in the file stands below the model that PEFT wrapped.
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kSuffixA = ".lora_A.weight";
constexpr std::string_view kSuffixB = ".lora_B.weight";

/// Kinds of LoRA that compute something else than y += scale * B(A x) with one scale and rank.
void refuse_other_kinds(const nlohmann::json& config, const JsonReader& reader) {
  for (const char* key : {"use_dora", "fan_in_fan_out", "use_qalora"}) {
    if (reader.optional_bool(key).value_or(false)) {
      reader.fail(key, "is true; owl3 runs plain LoRA only");
    }
  }
  for (const char* key : {"rank_pattern", "alpha_pattern", "layer_replication"}) {
    const auto value = config.find(key);
    if (value == config.end() || value->is_null()) continue;
    if (!value->is_structured() || !value->empty()) {
      reader.fail(key, "is set; owl3 wants one rank and one alpha for all layers");
    }
  }
}

LoraAdapter read_config(const fs::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const nlohmann::json config = parse_json_object(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), kMaxConfigBytes);
  const JsonReader reader(config, path.string());
  const std::string type = reader.optional_string("peft_type").value_or("");
  if (type != "LORA") {
    reader.fail("peft_type", fmt::format("must be LORA, not {}", printable(type)));
  }
  refuse_other_kinds(config, reader);
  LoraAdapter adapter;
  adapter.rank = reader.integer("r", 1, kMaxRank);
  const auto alpha = reader.optional_number("lora_alpha", -1e6, 1e6);
  if (!alpha) reader.fail("lora_alpha", "is missing");
  const auto rank = static_cast<double>(adapter.rank);
  const bool by_root = reader.optional_bool("use_rslora").value_or(false);
  adapter.scale = *alpha / (by_root ? std::sqrt(rank) : rank);
  return adapter;
}

/// "base_model.model.X.lora_A.weight" -> "X"; empty for another name.
std::string layer_of(std::string_view name, std::string_view suffix) {
  if (!name.starts_with(kPrefix) || !name.ends_with(suffix)) return {};
  if (name.size() <= kPrefix.size() + suffix.size()) return {};
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(suffix.size());
  return std::string(name);
}

std::string tensor_name(const std::string& layer, std::string_view suffix) {
  return printable(fmt::format("{}{}{}", kPrefix, layer, suffix));
}

/// The weight of a linear layer; undefined when the model has no such layer. A tied head is the
/// embedding.
Tensor linear_weight(const Checkpoint& checkpoint, const std::string& layer) {
  const std::string embedding = "language_model.model.embed_tokens";
  if (layer == embedding || layer.ends_with("position_embedding")) return {};
  const bool tied_head =
      checkpoint.config().tie_word_embeddings && layer == "language_model.lm_head";
  const std::string name = (tied_head ? embedding : layer) + ".weight";
  if (!checkpoint.contains(name)) return {};
  const Tensor& weight = checkpoint.tensor(name);
  return weight.shape().size() == 2 ? weight : Tensor();
}

void check_shape(const LoraAdapter& adapter, const std::string& layer, std::string_view suffix,
                 const Tensor& tensor, const Shape& wanted) {
  if (tensor.shape() == wanted) return;
  throw InputError(fmt::format("{}: tensor {} has shape {}, but this model takes {}",
                               (adapter.folder / kWeights).string(), tensor_name(layer, suffix),
                               to_string(tensor.shape()), to_string(wanted)));
}

}  // namespace

LoraAdapter load_lora_adapter(const fs::path& folder, double scale) {
  if (!fs::is_directory(folder)) {
    throw InputError(fmt::format("{}: no folder; a LoRA adapter is a folder with {} and {}",
                                 folder.string(), kConfig, kWeights));
  }
  LoraAdapter adapter = read_config(folder / kConfig);
  adapter.folder = folder;
  adapter.scale *= scale;
  const std::string file = (folder / kWeights).string();
  for (const auto& [name, tensor] : load_safetensors(file)) {
    if (const std::string of_a = layer_of(name, kSuffixA); !of_a.empty()) {
      adapter.layers[of_a].a = tensor;
    } else if (const std::string of_b = layer_of(name, kSuffixB); !of_b.empty()) {
      adapter.layers[of_b].b = tensor;
    } else {
      throw InputError(fmt::format("{}: tensor {} is no {}LAYER{} or {}; owl3 runs plain LoRA only",
                                   file, printable(name), kPrefix, kSuffixA, kSuffixB));
    }
  }
  for (const auto& [layer, pair] : adapter.layers) {
    if (pair.a.defined() && pair.b.defined()) continue;
    throw InputError(fmt::format("{}: tensor {} is missing", file,
                                 tensor_name(layer, pair.a.defined() ? kSuffixB : kSuffixA)));
  }
  if (adapter.layers.empty()) throw InputError(fmt::format("{}: holds no tensor", file));
  return adapter;
}

void check_lora_adapter(const LoraAdapter& adapter, const Checkpoint& checkpoint) {
  for (const auto& [layer, pair] : adapter.layers) {
    const Tensor weight = linear_weight(checkpoint, layer);
    if (weight.defined()) {
      check_shape(adapter, layer, kSuffixA, pair.a, {adapter.rank, weight.dim(1)});
      check_shape(adapter, layer, kSuffixB, pair.b, {weight.dim(0), adapter.rank});
    } else if (!is_unused_tensor(checkpoint.config(), layer + ".weight")) {
      throw InputError(fmt::format("{}: tensor {} changes no linear layer of {}",
                                   (adapter.folder / kWeights).string(),
                                   tensor_name(layer, kSuffixA), checkpoint.path().string()));
    }
  }
}

}  // namespace owl3
