#include "formats/checkpoint_source.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/hub_cache.h"
#include "formats/json_reader.h"
#include "formats/safetensors.h"
#include "hub/find_model.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr size_t kMaxIndexBytes = 64 << 20;

/// Tensor name -> name of the file that holds it.
using WeightMap = std::map<std::string, std::string>;

/// The file of `owl3 convert` in these bytes, which `owner` keeps in memory.
std::shared_ptr<const Gguf> model_in(std::span<const std::byte> bytes,
                                     std::shared_ptr<const void> owner, const std::string& name) {
  auto gguf = std::make_shared<const Gguf>(parse_gguf(bytes, std::move(owner), name));
  if (gguf->text("general.architecture") != kGgufArchitecture ||
      gguf->metadata.count(gguf_key(kConfigFile)) == 0) {
    throw InputError(
        fmt::format("{}: a GGUF file of architecture {}, but not one that owl3 convert wrote; owl3 "
                    "runs mPLUG-Owl3 only",
                    name, printable(gguf->text("general.architecture").value_or("unknown"))));
  }
  return gguf;
}

std::shared_ptr<const Gguf> model_in_file(const std::shared_ptr<const MappedFile>& file) {
  const fs::path& path = file->path();
  if (!is_gguf(file->bytes()) && path.extension() != ".gguf") {
    throw InputError(
        fmt::format("{}: neither a model folder nor a GGUF file; give the folder that holds "
                    "config.json, or a .gguf file",
                    path.string()));
  }
  return model_in(file->bytes(), file, path.string());
}

Document map_document(const fs::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return {path.string(),
          std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), file};
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
template <typename Tensors>
void merge_shard(Tensors& tensors, Tensors shard, const fs::path& path) {
  tensors.merge(shard);
  if (shard.empty()) return;
  throw InputError(fmt::format("{}: tensor {} is in another shard already", path.string(),
                               shard.begin()->first));
}

WeightMap load_index(const fs::path& folder) {
  const Document document = map_document(folder / kIndexFile);
  return parse_index(document.text, document.name);
}

Weights load_sharded(const fs::path& folder) {
  const WeightMap file_of = load_index(folder);
  std::set<std::string> shards;
  for (const auto& [tensor, file] : file_of) shards.insert(file);

  Weights weights;
  for (const std::string& shard_name : shards) {
    const fs::path path = folder / shard_name;
    if (!holds_file(folder, shard_name)) {
      throw InputError(fmt::format("{}: missing, though {} names it; download it again",
                                   path.string(), kIndexFile));
    }
    Safetensors shard = load_all_safetensors(path);
    for (const auto& [tensor, file] : file_of) {
      if (file == shard_name && shard.tensors.count(tensor) + shard.foreign.count(tensor) == 0) {
        throw InputError(fmt::format("{}: lacks tensor {}, which {} says it holds", path.string(),
                                     tensor, kIndexFile));
      }
    }
    merge_shard(weights.tensors, std::move(shard.tensors), path);
    merge_shard(weights.foreign, std::move(shard.foreign), path);
    weights.files.push_back(std::move(shard.file));
  }
  return weights;
}

Weights load_weights(const fs::path& folder) {
  if (holds_file(folder, kSingleFile)) {
    Safetensors single = load_all_safetensors(folder / kSingleFile);
    return {std::move(single.tensors), std::move(single.foreign), {std::move(single.file)}};
  }
  if (holds_file(folder, kIndexFile)) return load_sharded(folder);
  std::error_code error;
  const bool has_pickle = fs::exists(folder / "pytorch_model.bin", error) ||
                          fs::exists(folder / "pytorch_model.bin.index.json", error);
  throw InputError(fmt::format("{}: neither {} nor {} in it{}", folder.string(), kSingleFile,
                               kIndexFile,
                               has_pickle ? "; PyTorch .bin files must be saved as safetensors "
                                            "first"
                                          : ""));
}

/// Of a folder without config.json: "; it holds small.gguf: give that file".
std::string other_models_in(const fs::path& folder) {
  constexpr const char* kAdapterConfig = "adapter_config.json";
  if (holds_file(folder, kAdapterConfig)) {
    return fmt::format("; it is a LoRA adapter: give the model it was made for, and --lora {}",
                       folder.string());
  }
  const fs::path of_run = folder / "model";  // where training leaves it
  if (holds_file(of_run, kConfigFile)) return fmt::format("; did you mean {}?", of_run.string());
  if (holds_file(of_run, kAdapterConfig)) {
    return fmt::format("; give the model it was trained on, and --lora {}", of_run.string());
  }
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".gguf") names.push_back(entry.path().filename().string());
  }
  if (names.empty()) return "";
  std::sort(names.begin(), names.end());
  if (names.size() == 1) return fmt::format("; it holds {}: give that file", names.front());
  return fmt::format("; it holds {} .gguf files: give one, such as {}", names.size(),
                     names.front());
}

}  // namespace

std::string gguf_key(std::string_view file) {
  return fmt::format("owl3.{}", file);
}

bool looks_like_checkpoint(const fs::path& path) {
  if (path.extension() == ".gguf") return true;
  std::error_code error;
  try {
    if (fs::is_regular_file(path, error)) return is_gguf(MappedFile::open(path)->bytes());
    return fs::exists(find_snapshot(path, kConfigFile) / kConfigFile, error);
  } catch (const InputError&) {
    return path.string().find("models--") != std::string::npos;  // a download to be told of
  }
}

CheckpointSource CheckpointSource::open(const fs::path& model) {
  if (model.empty()) throw InputError("the name of the model folder or .gguf file is empty");
  const fs::path path = find_model(model);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    const bool missing = status.type() == fs::file_type::not_found;
    throw InputError(fmt::format("{}: {}", path.string(),
                                 missing ? "no such model folder or .gguf file" : error.message()));
  }
  CheckpointSource source;
  source.path_ = find_snapshot(path, kConfigFile);
  if (!fs::is_directory(status)) {
    source.file_ = MappedFile::open(path);
    source.gguf_ = model_in_file(source.file_);
  } else if (!holds_file(source.path_, kConfigFile)) {
    throw InputError(fmt::format("{}: no config.json in it, so not a model folder{}",
                                 source.path_.string(), other_models_in(source.path_)));
  }
  return source;
}

CheckpointSource CheckpointSource::in_memory(std::span<const std::byte> gguf,
                                             const std::string& name) {
  CheckpointSource source;
  source.path_ = name;
  source.gguf_ = model_in(gguf, nullptr, name);
  source.in_memory_ = true;
  return source;
}

std::optional<Document> CheckpointSource::document(const std::string& file) const {
  if (is_gguf()) {
    auto text = gguf_->long_text(gguf_key(file));
    if (!text) return std::nullopt;
    const auto owner = std::make_shared<const std::string>(*std::move(text));
    return Document{fmt::format("{}: {}", path_.string(), file), *owner, owner};
  }
  if (!holds_file(path_, file)) return std::nullopt;
  return map_document(path_ / file);
}

Weights CheckpointSource::weights() const {
  if (is_gguf()) {
    Weights weights = {gguf_->tensors, {}, {}};
    if (file_) weights.files.push_back(file_);
    return weights;
  }
  return load_weights(path_);
}

fs::path CheckpointSource::file_of(const std::string& tensor) const {
  if (is_gguf()) return path_;
  if (holds_file(path_, kSingleFile)) return path_ / kSingleFile;
  const WeightMap files = load_index(path_);
  const auto found = files.find(tensor);
  return found == files.end() ? path_ : path_ / found->second;
}

}  // namespace owl3
