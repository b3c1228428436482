#include "memory/memory_locks.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr off_t kWriterByte = off_t{1} << 61;
constexpr off_t kReaderByte = kWriterByte + 1;

/// False where somebody else's lock is in the way; throws what else is wrong as an errno.
bool set_lock(int descriptor, off_t byte, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  while (::fcntl(descriptor, F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return false;
    if (errno != EINTR) throw errno;
  }
  return true;
}

}  // namespace

void MemoryLocks::become_writer() const {
  try {
    if (set_lock(descriptor_, kWriterByte, F_WRLCK)) return;
  } catch (int error) {
    throw InputError(
        fmt::format("{}: can't be locked, so that others could write to it at the "
                    "same time ({}); keep it on another file system",
                    path_.string(), errno_text(error)));
  }
  throw InputError(fmt::format("{}: another process is writing to it; wait until that has ended",
                               path_.string()));
}

void MemoryLocks::become_reader() const {
  try {
    // Held by a writer for the instant in which he looks who reads.
    constexpr int kAttempts = 1000;
    for (int i = 0; i < kAttempts && !set_lock(descriptor_, kReaderByte, F_RDLCK); ++i) {
      ::usleep(100);
    }
  } catch (int) {
  }
}

bool MemoryLocks::nobody_reads() const {
  try {
    if (!set_lock(descriptor_, kReaderByte, F_WRLCK)) return false;
    set_lock(descriptor_, kReaderByte, F_UNLCK);
    return true;
  } catch (int) {
    return false;
  }
}

}  // namespace owl3
