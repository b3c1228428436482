#include "core/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace owl3 {

AppendFile::AppendFile(std::filesystem::path path, Begin begin) : path_(std::move(path)) {
  const int how = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (begin == Begin::kNew ? O_EXCL : 0);
  descriptor_ = ::open(path_.c_str(), how, 0666);
  if (descriptor_ < 0) {
    throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), errno_text(errno)));
  }
}

AppendFile::~AppendFile() {
  ::close(descriptor_);
}

void AppendFile::append(std::string_view bytes) {
  const off_t before = ::lseek(descriptor_, 0, SEEK_END);
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int error = count < 0 ? errno : ENOSPC;
      // What can't be cut off (a device) can't be mended either.
      [[maybe_unused]] const bool cut = before >= 0 && ::ftruncate(descriptor_, before) == 0;
      throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), errno_text(error)));
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace owl3
