// Where a checkpoint's parts lie: in a folder of the official layout, or in one GGUF file that
// `owl3 convert` wrote.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"
#include "formats/gguf.h"
#include "formats/tensor_map.h"

namespace owl3 {

/// The JSON files of a checkpoint. A GGUF file holds their texts, unchanged, under gguf_key().
inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kGenerationConfigFile = "generation_config.json";
inline constexpr const char* kTokenizerFile = "tokenizer.json";

/// "owl3.config.json"
std::string gguf_key(std::string_view file);

/// general.architecture of the files that `owl3 convert` writes.
inline constexpr std::string_view kGgufArchitecture = "mplug-owl3";

/// A text, its name for messages, and what keeps it in memory.
struct Document {
  std::string name;
  std::string_view text;
  std::shared_ptr<const void> owner;
};

struct Weights {
  TensorMap tensors;
  ForeignTensors foreign;
  std::vector<std::shared_ptr<const MappedFile>> files;  // none: the weights lie in memory
};

/// Whether somebody who names this path means a checkpoint, be it a damaged one: a folder with a
/// config.json or in Hugging Face's cache, or a file that is GGUF by its name or content.
bool looks_like_checkpoint(const std::filesystem::path& path);

class CheckpointSource {
 public:
  CheckpointSource() = default;
  /// Of a path, or of the name of a model in the cache (hub/find_model.h). Recognises a GGUF file
  /// by its content, and takes the snapshot of a folder in Hugging Face's cache (hub_cache.h).
  /// Throws InputError for what is neither, and for a GGUF file of another model.
  static CheckpointSource open(const std::filesystem::path& model);
  /// A GGUF file that lies in memory and stays there; `name` stands for its path.
  static CheckpointSource in_memory(std::span<const std::byte> gguf, const std::string& name);

  const std::filesystem::path& path() const { return path_; }
  bool is_gguf() const { return gguf_ != nullptr; }
  bool is_in_memory() const { return in_memory_; }
  /// The text of one of the files above; nothing when the checkpoint has none.
  std::optional<Document> document(const std::string& file) const;
  /// Maps the weights.
  Weights weights() const;
  /// The file that a tensor of the weights lies in.
  std::filesystem::path file_of(const std::string& tensor) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<const Gguf> gguf_;        // none: a folder
  std::shared_ptr<const MappedFile> file_;  // the GGUF file
  bool in_memory_ = false;
};

}  // namespace owl3
