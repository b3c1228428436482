// A checkpoint: a model folder in the official layout (config.json, tokenizer.json,
// generation_config.json, model.safetensors or a sharded set with model.safetensors.index.json), or
// the same in one GGUF file.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/variant.h"
#include "formats/checkpoint_source.h"
#include "formats/config.h"

namespace owl3 {

/// Numbers of weights, by part of the model.
struct ParameterCounts {
  int64_t vision = 0;  // the encoder layers that are used, and the embeddings
  int64_t projector = 0;
  int64_t decoder = 0;  // with embeddings and head; a tied head counts once
  int64_t hyper = 0;    // v_kv_proj and gate of the hyper layers
  int64_t unused = 0;   // known tensors that are never read

  int64_t used() const { return vision + projector + decoder + hyper; }
};

/// Whether a model without hyper layers is opened, whose images stand in its text. The trainer
/// alone computes such (train/interleave.h).
enum class HyperLayers { kRequired, kOptional };

class Checkpoint {
 public:
  /// Opens a folder or GGUF file and maps its weights; reads no weight. Checks every tensor the
  /// model needs for presence and shape and throws InputError naming the first that is missing or
  /// misshapen.
  static Checkpoint open(const std::filesystem::path& path);
  /// The same for what is opened already.
  static Checkpoint open(CheckpointSource source,
                         HyperLayers hyper_layers = HyperLayers::kRequired);

  const std::filesystem::path& path() const { return source_.path(); }
  bool is_gguf() const { return source_.is_gguf(); }
  bool is_in_memory() const { return source_.is_in_memory(); }
  /// What is odd about the files and yet no reason to refuse them; a line each.
  const std::vector<std::string>& warnings() const { return generation_config_.warnings; }
  /// The text of config.json, generation_config.json or tokenizer.json; nothing when the checkpoint
  /// has none. required_document() throws InputError instead.
  std::optional<Document> document(const std::string& file) const { return source_.document(file); }
  Document required_document(const std::string& file) const;
  const ModelConfig& config() const { return config_; }
  const GenerationConfig& generation_config() const { return generation_config_; }
  /// Read off the tensors: gated when any self_attn.gate exists, else unified.
  Variant variant() const { return variant_; }
  const TensorMap& tensors() const { return tensors_; }
  /// The tensor of that name; InputError when absent.
  const Tensor& tensor(const std::string& name) const;
  /// The file that a tensor lies in.
  std::filesystem::path file_of(const std::string& tensor) const { return source_.file_of(tensor); }
  bool contains(const std::string& name) const { return tensors_.count(name) != 0; }
  /// Names of tensors in the files that this model does not use and does not know.
  const std::vector<std::string>& unknown_tensors() const { return unknown_; }
  const ParameterCounts& parameter_counts() const { return counts_; }
  /// Bytes of the tensors the model reads.
  size_t weight_bytes() const { return weight_bytes_; }
  /// Files the weights lie in.
  size_t weight_files() const { return std::max<size_t>(1, files_.size()); }
  /// What tells these weights from others on this machine: the identities of their files
  /// (MappedFile::identity()), or, of those that lie in memory, where, and a sample of each tensor.
  std::string weights_identity() const;
  /// What tells this model from others on any machine, in 16 hexadecimal digits: a digest of its
  /// configs, and of the name, type, shape and a page from the middle of every tensor. Reads no
  /// more of the weights, and so takes two that differ elsewhere for one.
  std::string sampled_digest() const;
  /// Throws InputError when a file of the weights was written to since the checkpoint was opened.
  void check_unchanged() const {
    for (const auto& file : files_) file->check_unchanged();
  }

 private:
  void check_tensors(const ForeignTensors& foreign);

  CheckpointSource source_;
  ModelConfig config_;
  GenerationConfig generation_config_;
  Variant variant_ = Variant::kGated;
  TensorMap tensors_;
  std::vector<std::string> unknown_;
  ParameterCounts counts_;
  size_t weight_bytes_ = 0;
  std::vector<std::shared_ptr<const MappedFile>> files_;
};

}  // namespace owl3
