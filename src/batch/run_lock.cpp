#include "batch/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "batch/batch_file.h"
#include "core/error.h"

namespace owl3 {

RunLock::RunLock(const std::filesystem::path& output) {
  const std::filesystem::path path = run_file_of(output);
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw InputError(fmt::format("{}: {}", path.string(), errno_text(errno)));
  // Where files can't be locked, nobody is kept from anything.
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw InputError(output.string() + ": another owl3 batch is writing it");
}

RunLock::~RunLock() {
  ::close(descriptor_);
}

}  // namespace owl3
