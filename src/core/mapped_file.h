// A read-only memory-mapped file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace owl3 {

class MappedFile {
 public:
  /// Maps the whole file. Throws InputError when it is missing, a folder or unreadable.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Takes bytes of a MappedFile, which were read and will not be needed soon, out of this process's
/// memory; they stay readable. Whole pages only. Other memory would lose its content.
void release_mapped(const void* data, size_t size);

}  // namespace owl3
