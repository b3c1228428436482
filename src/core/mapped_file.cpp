#include "core/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "core/error.h"
#include "core/regular_file.h"

namespace owl3 {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const RegularFile file = RegularFile::open(path);
  const auto size = static_cast<size_t>(file.size());
  void* data = nullptr;
  if (size > 0) {  // mmap refuses length 0; an empty file is an empty span
    data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  }
  if (data == MAP_FAILED) {
    throw InputError(fmt::format("{}: cannot be mapped: {}", path.string(), errno_text(errno)));
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), size));
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
