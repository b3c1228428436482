#include "memory/memory_file.h"

#include "core/error.h"
#include "memory/memory_locks.h"

namespace owl3 {

namespace {

constexpr uint8_t kWhole = 1;
constexpr uint8_t kDamaged = 2;

}  // namespace

MemoryFile::MemoryFile(std::filesystem::path path, RegularFile file)
    : path_(std::move(path)), file_(std::move(file)) {
  // In this order: what a writer frees after that is not what the headers lead to.
  MemoryLocks(file_.descriptor(), path_).become_reader();
  state_ = read_memory_state(file_.descriptor(), path_);
  map_ = MappedFile::map(file_, path_);
  checked_ = std::vector<std::atomic<uint8_t>>(state_.catalogue.images.size());
}

std::shared_ptr<const MemoryFile> MemoryFile::open(const std::filesystem::path& path) {
  return std::shared_ptr<const MemoryFile>(new MemoryFile(path, RegularFile::open(path)));
}

std::vector<std::string> MemoryFile::warnings() const {
  std::vector<std::string> lines;
  for (const std::string& damage : state_.damage) {
    lines.push_back(fmt::format("{}: {}; owl3 memory verify tells more", path_.string(), damage));
  }
  return lines;
}

std::span<const std::byte> MemoryFile::record(uint32_t image) const {
  const uint64_t offset = catalogue().images.at(image).offset;
  const uint64_t bytes = catalogue().record_bytes;
  const std::span<const std::byte> all = map_->bytes();
  if (offset > all.size() || bytes > all.size() - offset) return {};
  return all.subspan(offset, bytes);
}

bool MemoryFile::is_whole(uint32_t image) const {
  std::atomic<uint8_t>& known = checked_.at(image);
  if (known.load() == 0) {
    const std::span<const std::byte> bytes = record(image);
    const bool whole =
        !bytes.empty() && checksum_of(bytes) == catalogue().images.at(image).checksum;
    known = whole ? kWhole : kDamaged;
  }
  return known.load() == kWhole;
}

}  // namespace owl3
