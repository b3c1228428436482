// A regular file, open for reading: never a pipe, a socket or a device, which may wait for ever,
// never end, or change something by being opened.
#pragma once

#include <cstdint>
#include <filesystem>

namespace owl3 {

class RegularFile {
 public:
  /// Throws InputError, which says what the path is instead.
  static RegularFile open(const std::filesystem::path& path);
  RegularFile(RegularFile&& other) noexcept;
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;
  ~RegularFile();

  int descriptor() const { return descriptor_; }
  /// In bytes, when it was opened.
  int64_t size() const { return size_; }

 private:
  RegularFile(int descriptor, int64_t size) : descriptor_(descriptor), size_(size) {}

  int descriptor_ = -1;
  int64_t size_ = 0;
};

}  // namespace owl3
