// A memory file as it is read: mapped, nothing of it touched before it is asked for.
//
// docs/memory.md has the format.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/mapped_file.h"
#include "core/regular_file.h"
#include "memory/memory_state.h"

namespace owl3 {

class MemoryFile {
 public:
  /// Throws InputError where it is no memory, or so damaged that nothing of it can be read.
  static std::shared_ptr<const MemoryFile> open(const std::filesystem::path& path);
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const Catalogue& catalogue() const { return state_.catalogue; }
  uint64_t file_bytes() const { return state_.size; }
  /// Damage that was got around; a line each, with the file's name.
  std::vector<std::string> warnings() const;

  /// Where the keys and values of an image lie; empty where the file was cut off before them.
  std::span<const std::byte> record(uint32_t image) const;
  std::shared_ptr<const void> map() const { return map_; }
  /// Whether every bit is as it was written. Reads it whole, once. Of any thread.
  bool is_whole(uint32_t image) const;

 private:
  MemoryFile(std::filesystem::path path, RegularFile file);

  std::filesystem::path path_;
  RegularFile file_;  // whose lock tells writers that it is read
  MemoryState state_;
  std::shared_ptr<const MappedFile> map_;
  mutable std::vector<std::atomic<uint8_t>> checked_;  // by image
};

struct MemoryVerification {
  int64_t images = 0;
  int64_t damaged_images = 0;
  std::vector<std::string> damage;  // a line each, which names the photo or film and the frame
  std::vector<std::string> notes;   // what is odd and no damage
};

/// Reads every byte. `progress` is told of bytes, and may throw. Throws InputError as open() does.
MemoryVerification verify_memory(
    const std::filesystem::path& path,
    const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace owl3
