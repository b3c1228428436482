// One process at a time goes on with an output.
#pragma once

#include <filesystem>

namespace owl3 {

class RunLock {
 public:
  /// Holds the run file of `output`, which is there. Throws InputError where another process does.
  explicit RunLock(const std::filesystem::path& output);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace owl3
