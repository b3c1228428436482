#include "memory/memory_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "core/checksum.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/temporary_sibling.h"
#include "memory/byte_codec.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "owl3 image memory 1\n";
constexpr std::string_view kExtension = ".owlimage";

/// The page before the record: all that it has to be.
std::vector<std::byte> header_of(const MemoryKey& key, const RecordLayout& layout,
                                 std::span<const std::byte> record) {
  ByteWriter out;
  out.text(kMagic);
  out.raw(key.model);
  out.raw(key.pixels.bytes);
  out.text(layout.description());
  out.number(static_cast<uint64_t>(record.size()));
  out.raw(checksum_of(record));
  out.pad(kPageBytes);
  return std::move(out.bytes());
}

void write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw InputError("cannot be written");
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

struct KeptFile {
  fs::path path;
  int64_t bytes = 0;
  fs::file_time_type used;
};

std::vector<KeptFile> files_in(const fs::path& folder) {
  std::vector<KeptFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const auto size = entry->file_size(gone);
    const auto used = entry->last_write_time(gone);
    if (gone || entry->path().extension() != kExtension) continue;
    files.push_back({entry->path(), static_cast<int64_t>(size), used});
  }
  return files;
}

}  // namespace

MemoryFolder::MemoryFolder(fs::path folder, int64_t budget)
    : folder_(std::move(folder)), budget_(budget) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw InputError(fmt::format("{}: {}", folder_.string(), error.message()));
  if (!fs::is_directory(folder_, error)) {
    throw InputError(fmt::format("{}: is no folder", folder_.string()));
  }
  remove_leftovers(folder_);
  make_room(0);
}

fs::path MemoryFolder::path_of(const MemoryKey& key) const {
  Sha256 sha;
  sha.add(std::as_bytes(std::span(key.model)));
  sha.add(std::as_bytes(std::span(key.pixels.bytes)));
  return folder_ / (hex_text(sha.finish()) + std::string(kExtension));
}

/// Takes files away until so many bytes more are within the budget. Under the lock.
void MemoryFolder::make_room(int64_t bytes) {
  if (bytes_ > 0 && bytes_ + bytes <= budget_) return;
  std::vector<KeptFile> files = files_in(folder_);
  std::sort(files.begin(), files.end(),
            [](const KeptFile& a, const KeptFile& b) { return a.used < b.used; });
  bytes_ = 0;
  for (const KeptFile& file : files) bytes_ += file.bytes;
  // A little more than needed, so that not every file that comes has all looked through.
  const int64_t most = bytes_ + bytes > budget_ ? budget_ - budget_ / 16 : budget_;
  for (const KeptFile& file : files) {
    if (bytes_ + bytes <= most) return;
    std::error_code ignored;
    if (fs::remove(file.path, ignored)) bytes_ -= file.bytes;
  }
}

void MemoryFolder::put(const MemoryKey& key, const ImageMemory& memory) noexcept {
  try {
    const fs::path path = path_of(key);
    std::error_code error;
    if (fs::exists(path, error) || !memory.layers.at(0).keys.device().is_host()) return;
    const RecordLayout layout = RecordLayout::of(memory);
    const std::vector<std::byte> record = layout.write(memory);
    const std::vector<std::byte> header = header_of(key, layout, record);
    const auto bytes = static_cast<int64_t>(header.size() + record.size());
    {
      const std::lock_guard lock(mutex_);
      make_room(bytes);
      if (bytes_ + bytes > budget_) return;
      bytes_ += bytes;
    }
    // Not brought to the disk: what a power cut leaves of it doesn't fit its checksum.
    TemporarySibling file(path, TemporarySibling::Kind::kFile);
    write_all(file.descriptor(), header);
    write_all(file.descriptor(), record);
    file.take_place();
  } catch (const std::exception&) {
    // A full disk, no memory: it is computed again when it is wanted.
  }
}

ImageMemoryPtr MemoryFolder::find(const MemoryKey& key, const RecordLayout& layout) noexcept {
  try {
    const fs::path path = path_of(key);
    std::error_code error;
    if (!fs::exists(path, error)) return nullptr;
    const auto file = MappedFile::open(path);
    const std::span<const std::byte> bytes = file->bytes();
    const std::span<const std::byte> record =
        bytes.subspan(std::min<size_t>(bytes.size(), kPageBytes));
    if (record.size() == layout.record_bytes()) {
      const std::vector<std::byte> header = header_of(key, layout, record);
      if (std::equal(header.begin(), header.end(), bytes.begin())) {
        fs::last_write_time(path, fs::file_time_type::clock::now(), error);
        return layout.read(record, file);
      }
    }
    fs::remove(path, error);
    return nullptr;
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace owl3
