#include "memory/file_content.h"

#include <unistd.h>

#include <cerrno>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/regular_file.h"

namespace owl3 {

FileState FileState::of(int descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_unreadable(path, errno);
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim, status.st_ctim};
}

bool FileState::operator==(const FileState& other) const {
  const auto same = [](const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  return device == other.device && inode == other.inode && size == other.size &&
         same(modified, other.modified) && same(changed, other.changed);
}

FileContent read_content(const std::filesystem::path& path, const std::function<void()>& on_chunk) {
  constexpr size_t kChunk = 1 << 20;
  const RegularFile file = RegularFile::open(path);
  FileContent content;
  content.state = FileState::of(file.descriptor(), path);
  Sha256 sha;
  std::vector<std::byte> chunk(kChunk);
  while (true) {
    on_chunk();
    const ssize_t count = ::read(file.descriptor(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_unreadable(path, errno);
    if (count == 0) break;
    sha.add(std::span(chunk).first(static_cast<size_t>(count)));
    content.bytes += static_cast<uint64_t>(count);
  }
  content.digest = sha.finish();
  if (!(FileState::of(file.descriptor(), path) == content.state)) {
    throw InputError(fmt::format("{}: is being written to; index it again later", path.string()));
  }
  return content;
}

}  // namespace owl3
