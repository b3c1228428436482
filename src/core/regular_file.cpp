#include "core/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/error.h"

namespace owl3 {
namespace {

void require_regular(mode_t mode, const std::filesystem::path& path) {
  if (S_ISREG(mode)) return;
  const char* what = S_ISDIR(mode)    ? "a folder"
                     : S_ISFIFO(mode) ? "a pipe"
                     : S_ISSOCK(mode) ? "a socket"
                                      : "a device";
  const bool has_content = S_ISFIFO(mode) || S_ISSOCK(mode);
  throw InputError(fmt::format("{}: it is {}, not a regular file{}", path.string(), what,
                               has_content ? "; save what comes out of it to a file first" : ""));
}

}  // namespace

void throw_unreadable(const std::filesystem::path& path, int error_number, std::string_view what) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(path, error);
  if (error_number == ENOENT && !error) {
    throw InputError(
        fmt::format("{}: a link to {}, which is not there", path.string(), target.string()));
  }
  const std::string message =
      fmt::format("{}: {}{}", path.string(), what, errno_text(error_number));
  if (error_number == ENOENT) throw MissingFile(message, path);
  throw InputError(message);
}

RegularFile RegularFile::open(const std::filesystem::path& path) {
  if (path.empty()) throw InputError("the name of a file is empty");
  // Looked at first: already opening a socket fails for a reason that says nothing, and opening a
  // device may do something to it.
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw_unreadable(path, errno);
  require_regular(status.st_mode, path);
  // Without O_NONBLOCK, a pipe that took its place meanwhile would wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw_unreadable(path, errno);
  RegularFile file(descriptor, 0);
  if (::fstat(descriptor, &status) != 0) throw_unreadable(path, errno);
  require_regular(status.st_mode, path);
  file.size_ = status.st_size;
  return file;
}

RegularFile::RegularFile(RegularFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

RegularFile::~RegularFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace owl3
