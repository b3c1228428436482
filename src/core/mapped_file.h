// A read-only memory-mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/bus_error.h"
#include "core/regular_file.h"

struct stat;

namespace owl3 {

class MappedFile {
 public:
  /// Maps the whole file. Throws InputError when it is missing, a folder or unreadable.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  /// The same of a file that is open.
  static std::shared_ptr<const MappedFile> map(const RegularFile& file,
                                               const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  /// What tells this file, as it was when it was opened, from all others of this machine and from
  /// itself after a change: device, inode, size and time of the last change.
  std::string identity() const;
  /// Throws InputError when the file was written to since it was opened: what was read of it may
  /// not belong together. One that was replaced by another under its name is still the old one
  /// here.
  void check_unchanged() const;

 private:
  /// What tells a file from another, and from itself after a change.
  struct Identity {
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds;

    static Identity of(const struct stat& status);
  };

  MappedFile(std::filesystem::path path, const std::byte* data, const Identity& identity)
      : path_(std::move(path)),
        data_(data),
        size_(static_cast<size_t>(identity.size)),
        identity_(identity),
        range_(data_, size_, path_.c_str()) {}

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  Identity identity_;
  MappedRange range_;
};

/// Takes bytes of a MappedFile, which were read and will not be needed soon, out of this process's
/// memory; they stay readable. Whole pages only. Other memory would lose its content.
void release_mapped(const void* data, size_t size);

}  // namespace owl3
