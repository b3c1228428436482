// Who uses a memory file: one writer at most, and readers, who read on while it writes.
#pragma once

#include <filesystem>

namespace owl3 {

/// Locks end with the descriptor, however the process ends. They lie behind all bytes a file can
/// have, so that copying one is not hindered.
class MemoryLocks {
 public:
  MemoryLocks(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}

  /// Throws InputError where another process writes, or the file system knows no locks.
  void become_writer() const;
  /// Where the file system knows no locks, nobody writes there either.
  void become_reader() const;
  /// Whether nobody reads what was there before the last change. Who begins to read now sees that.
  bool nobody_reads() const;

 private:
  int descriptor_;
  std::filesystem::path path_;
};

}  // namespace owl3
