// Folders that appear whole or not at all: filled under a temporary name, renamed when complete.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace owl3 {

class AtomicFolder {
 public:
  /// Creates `path` + a temporary suffix beside it, with the folders above it that are missing.
  /// Throws InputError when that fails.
  explicit AtomicFolder(std::filesystem::path path);
  /// Removes the temporary folder, and those made above it, unless commit() was called.
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }

  /// Takes the final name; what stands there goes only after it has moved out of the way.
  void commit();

 private:
  [[noreturn]] void fail(const std::error_code& error) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::vector<std::filesystem::path> new_parents_;  // made for it, the innermost first
  bool committed_ = false;
};

/// The folder a user names to be written, absolute: "out/" and "out" are the same, and its
/// temporary sibling is named after the latter. UsageError when the text is empty.
std::filesystem::path output_folder(const std::string& text);

}  // namespace owl3
