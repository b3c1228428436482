// Files that appear whole or not at all: written under a temporary name, renamed when complete.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "core/temporary_sibling.h"

namespace owl3 {

class AtomicFile {
 public:
  /// Creates a temporary file beside `path`; where that is a link to a file, beside that file,
  /// which is the one replaced. Throws InputError when that fails, or when something stands there
  /// that is no file: renaming over a device would take it from the whole machine.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless it was brought to its name.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes; throws InputError (disk full, ...).
  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Brings the content to the disk, then the file to its name.
  void commit();
  /// The same where nothing has that name, which it tells; else what is there stays as it is.
  bool commit_as_new();

 private:
  void sync();
  [[noreturn]] void fail(int error_number) const;

  std::filesystem::path path_;
  std::optional<TemporarySibling> temporary_;
  std::FILE* file_ = nullptr;
};

}  // namespace owl3
