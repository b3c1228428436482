// Files that appear whole or not at all: written under a temporary name, renamed when complete.
#pragma once

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/bus_error.h"

namespace owl3 {

class AtomicFile {
 public:
  /// Creates `path` + a temporary suffix beside it; where `path` is a link to a file, beside that
  /// file, which is the one replaced. Throws InputError when that fails, or when something stands
  /// there that is no file: renaming over a device would take it from the whole machine.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless commit() was called.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes; throws InputError (disk full, ...).
  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Flushes to disk and renames to the final name.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::optional<TemporaryPath> taken_away_;  // should the process end on the way
  std::FILE* file_ = nullptr;
};

}  // namespace owl3
