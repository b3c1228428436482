// One process at a time: the locks that Hugging Face's tools hold while they download a file.
#pragma once

#include <filesystem>
#include <optional>

namespace owl3 {

class FileLock {
 public:
  /// Nothing while somebody else holds it. Makes the file, and folders above it. Throws InputError.
  static std::optional<FileLock> try_lock(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace owl3
