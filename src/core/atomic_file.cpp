#include "core/atomic_file.h"

#include <unistd.h>

#include <cerrno>

#include "core/error.h"

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
  temporary_ = path_;
  temporary_ += fmt::format(".part-{}", ::getpid());
  file_ = std::fopen(temporary_.c_str(), "wbe");
  if (file_ == nullptr) {
    throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), errno_text(errno)));
  }
  taken_away_.emplace(temporary_.c_str());
}

AtomicFile::~AtomicFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::write(const void* data, size_t size) {
  if (std::fwrite(data, 1, size, file_) != size) {
    throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), errno_text(errno)));
  }
}

void AtomicFile::commit() {
  const bool flushed = std::fflush(file_) == 0 && ::fsync(::fileno(file_)) == 0;
  const bool renamed = flushed && std::rename(temporary_.c_str(), path_.c_str()) == 0;
  if (!renamed) {
    throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), errno_text(errno)));
  }
  taken_away_.reset();
  std::fclose(file_);
  file_ = nullptr;
}

}  // namespace owl3
