// Folders that appear whole or not at all: filled under a temporary name, renamed when complete.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/temporary_sibling.h"

namespace owl3 {

class AtomicFolder {
 public:
  /// Creates a temporary folder beside `path` (where that is a link to a folder, beside that
  /// folder), with the folders above it that are missing. Throws InputError when that fails.
  explicit AtomicFolder(std::filesystem::path path);
  /// Removes the temporary folder, and those made above it, unless commit() was called.
  ~AtomicFolder();
  AtomicFolder(AtomicFolder&&) noexcept = default;
  AtomicFolder& operator=(AtomicFolder&&) = delete;

  /// Where its files are written; other processes may write there too.
  const std::filesystem::path& temporary() const { return temporary_->path(); }

  /// Brings all files to the disk, then takes the final name in one step; what was there goes only
  /// afterwards. Throws InputError, and then what was there still is.
  void commit();

 private:
  [[noreturn]] void fail(const std::error_code& error) const;

  std::filesystem::path path_;
  std::vector<std::filesystem::path> new_parents_;  // made for it, the innermost first
  std::unique_ptr<TemporarySibling> temporary_;     // null when committed, or moved from
};

/// The folder a user names to be written, absolute: "out/" and "out" are the same, and its
/// temporary sibling is named after the latter. UsageError when the text is empty.
std::filesystem::path output_folder(const std::string& text);

}  // namespace owl3
