// A loaded mPLUG-Owl3 checkpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "owl3/export.h"
#include "owl3/options.h"

namespace owl3 {

/// A handle on a loaded model; copies share it. One thread at a time may compute with a model.
class OWL3_API Model {
 public:
  /// Opens a checkpoint: a folder in the official layout (or that of Hugging Face's cache, which
  /// leads to one) or a GGUF file of `owl3 convert`. Weights are memory-mapped, so this takes
  /// milliseconds; they are read when first used. Throws InputError.
  static Model load(const std::filesystem::path& path, const ModelOptions& options = {});
  /// A GGUF file that lies in memory, in a program's own data for example, and stays there as long
  /// as the model. `name` stands for its path in messages.
  static Model load_gguf(std::span<const std::byte> gguf, const std::string& name,
                         const ModelOptions& options = {});

  /// "gated" or "unified".
  std::string variant() const;
  /// The longest conversation, in tokens (an image or video frame is one).
  int64_t context_length() const;
  /// The checkpoint's recommendation (generation_config.json) over the official defaults.
  GenerationOptions generation_defaults() const;
  /// A preset for this checkpoint: where "eval" and "greedy" leave the repetition penalty off, the
  /// checkpoint's own is used, as in the official evaluation. Throws UsageError for other names.
  GenerationOptions preset(const std::string& name) const;
  /// What is odd about the checkpoint's files and yet no reason to refuse them, such as a
  /// recommendation in generation_config.json that makes no sense; a line each.
  const std::vector<std::string>& warnings() const;
  /// What computes: "CPU, 2 threads, avx512 kernels, float32 products".
  std::string device() const;

 private:
  friend struct Internals;  // of the library
  struct OWL3_LOCAL Impl;
  explicit Model(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace owl3
