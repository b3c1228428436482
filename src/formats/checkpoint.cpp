#include "formats/checkpoint.h"

#include <algorithm>
#include <set>

#include "formats/json_reader.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr size_t kMaxIndexBytes = 64 << 20;

/// Tensor name -> name of the file that holds it.
using WeightMap = std::map<std::string, std::string>;

struct Weights {
  TensorMap tensors;
  size_t files = 0;
};

void require_model_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::exists(status)) {
    throw InputError(fmt::format("{}: no such model folder", folder.string()));
  }
  if (!fs::is_directory(status)) {
    throw InputError(
        fmt::format("{}: not a folder; give the folder that holds the model's "
                    "config.json",
                    folder.string()));
  }
  if (!fs::exists(folder / "config.json", error)) {
    throw InputError(
        fmt::format("{}: no config.json in it, so not a model folder", folder.string()));
  }
}

template <typename Parse>
auto parse_file(const fs::path& path, const Parse& parse) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
               path.string());
}

bool has_control_characters(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; });
}

/// A shard must lie in the checkpoint's own folder, whatever the index says.
bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         !has_control_characters(name);
}

WeightMap parse_index(std::string_view text, const std::string& name) {
  const nlohmann::json json = parse_json_object(text, name, kMaxIndexBytes);
  const auto entries = json.find("weight_map");
  if (entries == json.end() || !entries->is_object()) {
    throw InputError(fmt::format("{}: has no weight_map", name));
  }
  WeightMap files;
  for (const auto& [tensor, file] : entries->items()) {
    if (has_control_characters(tensor) || !file.is_string()) {
      throw InputError(
          fmt::format("{}: weight_map must give a file name for each tensor; that of "
                      "{} is broken",
                      name, nlohmann::json(tensor).dump()));
    }
    const auto& file_name = file.get_ref<const std::string&>();
    if (!is_plain_file_name(file_name)) {
      throw InputError(fmt::format("{}: the file of {} is {}; shards must lie beside the index",
                                   name, tensor, file.dump(-1, ' ', true)));
    }
    files.emplace(tensor, file_name);
  }
  return files;
}

/// Adds a shard's tensors to the others'; no name may come twice.
void merge_shard(TensorMap& tensors, TensorMap shard, const fs::path& path) {
  tensors.merge(shard);
  if (shard.empty()) return;
  throw InputError(fmt::format("{}: tensor {} is in another shard already", path.string(),
                               shard.begin()->first));
}

Weights load_sharded(const fs::path& folder) {
  const fs::path index = folder / kIndexFile;
  const WeightMap file_of = parse_file(index, parse_index);
  std::set<std::string> shards;
  for (const auto& [tensor, file] : file_of) shards.insert(file);

  Weights weights;
  for (const std::string& shard_name : shards) {
    const fs::path path = folder / shard_name;
    std::error_code error;
    if (!fs::exists(path, error)) {
      throw InputError(fmt::format("{}: missing, though {} names it; download it again",
                                   path.string(), kIndexFile));
    }
    TensorMap shard = load_safetensors(path);
    for (const auto& [tensor, file] : file_of) {
      if (file == shard_name && shard.count(tensor) == 0) {
        throw InputError(fmt::format("{}: lacks tensor {}, which {} says it holds", path.string(),
                                     tensor, kIndexFile));
      }
    }
    merge_shard(weights.tensors, std::move(shard), path);
    ++weights.files;
  }
  return weights;
}

Weights load_weights(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / kSingleFile, error)) {
    return {load_safetensors(folder / kSingleFile), 1};
  }
  if (fs::exists(folder / kIndexFile, error)) return load_sharded(folder);
  const bool has_pickle = fs::exists(folder / "pytorch_model.bin", error) ||
                          fs::exists(folder / "pytorch_model.bin.index.json", error);
  throw InputError(fmt::format("{}: neither {} nor {} in it{}", folder.string(), kSingleFile,
                               kIndexFile,
                               has_pickle ? "; PyTorch .bin files must be saved as safetensors "
                                            "first"
                                          : ""));
}

Variant variant_of(const TensorMap& tensors, const fs::path& folder) {
  Variant variant = Variant::kUnified;
  for (const auto& [name, tensor] : tensors) {
    if (name.find(".self_attn.gate_proj.") != std::string::npos) {
      throw InputError(
          fmt::format("{}: has {}: a derivative with projected gates, which owl3 "
                      "does not run",
                      folder.string(), name));
    }
    if (name.ends_with(".self_attn.gate")) variant = Variant::kGated;
  }
  return variant;
}

int64_t& count_of(ParameterCounts& counts, ModelPart part) {
  switch (part) {
    case ModelPart::kVision:
      return counts.vision;
    case ModelPart::kProjector:
      return counts.projector;
    case ModelPart::kDecoder:
      return counts.decoder;
    case ModelPart::kHyper:
      return counts.hyper;
    case ModelPart::kUnused:
      return counts.unused;
  }
  OWL3_CHECK(false);
}

}  // namespace

Checkpoint Checkpoint::open(const std::filesystem::path& folder) {
  require_model_folder(folder);
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  checkpoint.config_ = parse_file(folder / "config.json", parse_model_config);
  std::error_code error;
  const fs::path generation = folder / "generation_config.json";
  if (fs::exists(generation, error)) {
    checkpoint.generation_config_ = parse_file(generation, parse_generation_config);
  }
  Weights weights = load_weights(folder);
  checkpoint.tensors_ = std::move(weights.tensors);
  checkpoint.weight_files_ = weights.files;
  checkpoint.variant_ = variant_of(checkpoint.tensors_, folder);
  checkpoint.check_tensors();
  return checkpoint;
}

void Checkpoint::check_tensors() {
  std::set<std::string_view> known;
  const auto expected = expected_tensors(config_, variant_);
  for (const ExpectedTensor& wanted : expected) {
    const auto found = tensors_.find(wanted.name);
    if (found == tensors_.end()) {
      throw InputError(fmt::format("{}: the weights lack tensor {} {}", folder_.string(),
                                   wanted.name, to_string(wanted.shape)));
    }
    const Tensor& tensor = found->second;
    if (tensor.shape() != wanted.shape) {
      throw InputError(fmt::format("{}: tensor {} has shape {}, but config.json implies {}",
                                   folder_.string(), wanted.name, to_string(tensor.shape()),
                                   to_string(wanted.shape)));
    }
    known.insert(found->first);
    count_of(counts_, wanted.part) += tensor.size();
    weight_bytes_ += tensor.size_bytes();
  }
  for (const auto& [name, tensor] : tensors_) {
    if (known.count(name) != 0) continue;
    if (is_unused_tensor(config_, name)) {
      counts_.unused += tensor.size();
    } else {
      unknown_.push_back(name);
    }
  }
}

const Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw InputError(fmt::format("{}: the weights lack tensor {}", folder_.string(), name));
  }
  return found->second;
}

}  // namespace owl3
