#include "core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "core/unwritable.h"

namespace owl3 {

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path_, ignored);
  if (std::filesystem::exists(status)) {
    if (!std::filesystem::is_regular_file(status)) {
      throw InputError(
          fmt::format("{}: cannot be written: it is not a regular file", path_.string()));
    }
    if (std::filesystem::is_symlink(path_, ignored)) {
      path_ = std::filesystem::canonical(path_, ignored);
    }
  }
  temporary_.emplace(path_, TemporarySibling::Kind::kFile);
  const int descriptor = ::fcntl(temporary_->descriptor(), F_DUPFD_CLOEXEC, 0);
  if (descriptor >= 0) file_ = ::fdopen(descriptor, "wb");
  if (file_ == nullptr) {
    const int error_number = errno;
    if (descriptor >= 0) ::close(descriptor);
    fail(error_number);
  }
}

AtomicFile::~AtomicFile() {
  if (file_ != nullptr) std::fclose(file_);
}

void AtomicFile::fail(int error_number) const {
  throw_unwritable(path_, error_number);
}

void AtomicFile::write(const void* data, size_t size) {
  if (size == 0) return;  // of no bytes, data may be null
  if (std::fwrite(data, 1, size, file_) != size) fail(errno);
}

void AtomicFile::commit() {
  sync();
  temporary_->take_place();
  sync_to_disk(path_.has_parent_path() ? path_.parent_path() : ".");
}

bool AtomicFile::commit_as_new() {
  sync();
  if (!temporary_->take_empty_place()) return false;
  sync_to_disk(path_.has_parent_path() ? path_.parent_path() : ".");
  return true;
}

void AtomicFile::sync() {
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) fail(errno);
}

}  // namespace owl3
