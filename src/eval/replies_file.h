// Where `--replies FILE` puts what was answered.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/atomic_file.h"
#include "program/interrupt.h"

namespace owl3 {

/// Appears whole with commit(); of one that is given up nothing is left, however the program ends.
class RepliesFile {
 public:
  /// An empty path: nothing is written.
  explicit RepliesFile(const std::string& path) {
    if (path.empty()) return;
    unfinished_parts_go_.emplace();
    file_.emplace(path);
  }

  void write(std::string_view line) {
    if (file_) file_->write(line);
  }
  void commit() {
    if (file_) file_->commit();
  }

 private:
  std::optional<WriteGuard> unfinished_parts_go_;
  std::optional<AtomicFile> file_;
};

}  // namespace owl3
