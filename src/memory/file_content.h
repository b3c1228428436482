// What is in a file that is indexed, and whether it stays so.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/sha.h"

namespace owl3 {

/// What tells that a file was written to meanwhile.
struct FileState {
  dev_t device{};
  ino_t inode{};
  off_t size{};
  timespec modified{}, changed{};

  /// `path` names it in errors.
  static FileState of(int descriptor, const std::filesystem::path& path);
  bool operator==(const FileState& other) const;
};

struct FileContent {
  FileState state;
  uint64_t bytes = 0;
  Sha256::Digest digest{};
};

/// Reads all of a file; `on_chunk` may throw. Throws InputError where it can't be read, or is
/// written to meanwhile.
FileContent read_content(const std::filesystem::path& path, const std::function<void()>& on_chunk);

}  // namespace owl3
