// A regular file, open for reading: never a pipe, a socket or a device, which may wait for ever,
// never end, or change something by being opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "owl3/error.h"

namespace owl3 {

/// There is nothing at that path. The programs add what may have been meant (core/similar.h).
class MissingFile : public InputError {
 public:
  MissingFile(const std::string& message, std::filesystem::path path)
      : InputError(message), path_(std::move(path)) {}
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// "PATH: WHAT the system says". Throws MissingFile for ENOENT, InputError for any other number.
[[noreturn]] void throw_unreadable(const std::filesystem::path& path, int error_number,
                                   std::string_view what = "");

class RegularFile {
 public:
  /// Throws InputError, which says what the path is instead, or MissingFile.
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
