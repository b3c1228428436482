#include "core/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "core/error.h"

namespace owl3 {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  return map(RegularFile::open(path), path);
}

std::shared_ptr<const MappedFile> MappedFile::map(const RegularFile& file,
                                                  const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) {
    throw InputError(fmt::format("{}: {}", path.string(), errno_text(errno)));
  }
  const auto size = static_cast<size_t>(status.st_size);
  void* data = nullptr;
  if (size > 0) {  // mmap refuses length 0; an empty file is an empty span
    data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  }
  if (data == MAP_FAILED) {
    throw InputError(fmt::format("{}: cannot be mapped: {}", path.string(), errno_text(errno)));
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), Identity::of(status)));
}

MappedFile::Identity MappedFile::Identity::of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

std::string MappedFile::identity() const {
  return fmt::format("{}:{}:{}:{}.{:09}", identity_.device, identity_.inode, identity_.size,
                     identity_.seconds, identity_.nanoseconds);
}

void MappedFile::check_unchanged() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return;  // deleted: the map holds it
  const Identity now = Identity::of(status);
  if (now.device != identity_.device || now.inode != identity_.inode) return;
  if (now.size == identity_.size && now.seconds == identity_.seconds &&
      now.nanoseconds == identity_.nanoseconds) {
    return;
  }
  if (now.size < identity_.size) {
    throw InputError(fmt::format("{}: cut short while in use; start again when the file is whole",
                                 path_.string()));
  }
  throw InputError(fmt::format("{}: was changed while in use; start again", path_.string()));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void release_mapped(const void* data, size_t size) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (begin + page - 1) / page * page;
  const uintptr_t end = (begin + size) / page * page;
  if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace owl3
