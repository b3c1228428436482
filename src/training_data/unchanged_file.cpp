#include "training_data/unchanged_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/error.h"

namespace owl3 {

UnchangedFile::UnchangedFile(const std::filesystem::path& path)
    : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat now {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &now) != 0) {
    const int error = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    throw InputError(fmt::format("{}: {}", path.string(), errno_text(error)));
  }
  size_ = now.st_size;
  written_ = now.st_mtim;
}

UnchangedFile::~UnchangedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

UnchangedFile::UnchangedFile(UnchangedFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      written_(other.written_) {}

void UnchangedFile::check() const {
  struct stat now {};
  if (::fstat(descriptor_, &now) != 0) {
    throw InputError(fmt::format("{}: {}", path_.string(), errno_text(errno)));
  }
  const bool written =
      now.st_mtim.tv_sec != written_.tv_sec || now.st_mtim.tv_nsec != written_.tv_nsec;
  if (now.st_size >= size_ && (!written || now.st_size > size_)) return;
  throw Error(
      fmt::format("{}: was written over while in use; put back what it was", path_.string()));
}

}  // namespace owl3
