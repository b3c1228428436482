// What was read of long prompts, kept in a folder: so that a further question about the same film
// reads its own few tokens only, in a later process too.
//
// A file each: the ids, where the chunks ended, the hashes of the images' pixels, and behind them
// the keys and values as they lie in memory. They are of this machine, of these weight files and
// adapters, and of this arithmetic; what is found has the bits that reading it would have. Files
// may be deleted at any time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "api/prompt_read.h"
#include "core/sha.h"
#include "memory/budget_folder.h"
#include "memory/record_layout.h"
#include "model/owl3_model.h"

namespace owl3 {

class PromptFolder {
 public:
  /// Makes the folder where it isn't there. The model must outlive it; `visual_key` is its
  /// model_key(). Throws InputError.
  PromptFolder(const std::filesystem::path& folder, int64_t budget, Owl3Model& model,
               const Sha256::Digest& visual_key);

  /// The longest beginning of the prompt, in whole chunks, that is there: mapped, and grown from
  /// like any other. A file that is damaged is removed.
  std::optional<TextCache> find(const PromptRead& prompt) noexcept;
  /// Writes what stands before the prompt's last chunk, of which the cache holds keys and values.
  /// What can't be written is not kept: it can be read again. Nor is what lies on a device, or has
  /// fewer tokens than `known` and a few more.
  void keep(const PromptRead& prompt, const TextCache& cache, int64_t known) noexcept;
  /// As BudgetFolder::failure().
  std::string failure() const { return folder_.failure(); }

 private:
  struct Kept;

  std::optional<Kept> open(const std::string& name) const;
  std::optional<TextCache> load(const Kept& kept, int64_t tokens) const;

  BudgetFolder folder_;
  Owl3Model& model_;
  Sha256::Digest key_;
  std::string name_prefix_;  // of its files: the model's
};

}  // namespace owl3
