// Writing an uncompressed POSIX ustar archive.
#pragma once

#include <string_view>

#include "core/atomic_file.h"

namespace owl3 {

class TarWriter {
 public:
  explicit TarWriter(const std::filesystem::path& path) : file_(path) {}

  /// A regular file of at most 8 GiB; `name` has at most 100 bytes. Owner and time are always the
  /// same, so the same files give the same archive.
  void add(std::string_view name, std::string_view bytes);
  /// Ends the archive; without it the file is gone with this object.
  void commit();

 private:
  AtomicFile file_;
};

}  // namespace owl3
