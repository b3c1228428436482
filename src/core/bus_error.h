// A mapped file that is cut short, or whose disk fails, while it is in use: reading it raises
// SIGBUS, which nothing in the reading code can catch. A program may ask for it to end with one
// line; a library's host is left its own handlers.
#pragma once

#include <cstddef>

namespace owl3 {

/// From now on the process ends with exit code 1 and one line on standard error that names the
/// file, when SIGBUS comes from memory of a MappedFile; unfinished AtomicFiles are taken away. A
/// SIGBUS from elsewhere goes to whoever handled it before.
void end_with_message_on_bus_errors();

struct SignalSlot;

/// What the handler knows while the object lives: that a range of memory is a file's.
class MappedRange {
 public:
  /// `path` must stay where it is as long as the object lives.
  MappedRange(const void* data, size_t size, const char* path);
  ~MappedRange();
  MappedRange(const MappedRange&) = delete;
  MappedRange& operator=(const MappedRange&) = delete;

 private:
  SignalSlot* slot_;
};

/// The same of a file to take away.
class TemporaryPath {
 public:
  explicit TemporaryPath(const char* path);
  ~TemporaryPath();
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;

 private:
  SignalSlot* slot_;
};

}  // namespace owl3
