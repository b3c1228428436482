#include "memory/memory_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/regular_file.h"
#include "core/temporary_sibling.h"
#include "memory/memory_locks.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

/// Writes all of it. Throws errno.
void write_all(int descriptor, uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw count < 0 ? errno : ENOSPC;
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
}

}  // namespace

MemoryWriter::MemoryWriter(const fs::path& path) : path_(path) {
  if (!open_to_write()) fail(ENOENT);
  open();
}

MemoryWriter::MemoryWriter(const fs::path& path, const MemoryStamp& stamp, uint64_t record_bytes)
    : path_(path) {
  constexpr int kAttempts = 4;
  for (int attempt = 1;; ++attempt) {
    std::error_code error;
    if (!fs::exists(path, error)) create(stamp, record_bytes);
    if (open_to_write()) break;
    if (attempt == kAttempts) fail(ENOENT);
  }
  open();
  if (const auto difference = catalogue_.stamp.difference(stamp)) {
    throw InputError(fmt::format("{}: was made {}", path_.string(), *difference));
  }
  if (catalogue_.record_bytes != record_bytes) {
    throw InputError(fmt::format("{}: its records have {} bytes, not {}", path_.string(),
                                 catalogue_.record_bytes, record_bytes));
  }
  if (catalogue_.stamp.model_name == stamp.model_name) return;
  // Alike, and elsewhere now: whoever asks later is to find it.
  catalogue_.stamp.model_name = stamp.model_name;
  catalogue_.stamp.weights_identity = stamp.weights_identity;
  changed_ = true;
}

MemoryWriter::Descriptor::~Descriptor() {
  if (number >= 0) ::close(number);
}

MemoryWriter::~MemoryWriter() {
  // Nobody has seen what lies behind; where it can't be cut off, the next writer frees it.
  if (pages_ && header_.file_bytes > 0) {
    struct stat status {};
    if (::fstat(file_.number, &status) == 0 &&
        static_cast<uint64_t>(status.st_size) > header_.file_bytes) {
      [[maybe_unused]] const int result =
          ::ftruncate(file_.number, static_cast<off_t>(header_.file_bytes));
    }
  }
}

void MemoryWriter::fail(int error_number) const {
  throw InputError(
      fmt::format("{}: cannot be written: {}", path_.string(), errno_text(error_number)));
}

/// An empty memory, whole as soon as it has the name; one that has been made meanwhile stays.
void MemoryWriter::create(const MemoryStamp& stamp, uint64_t record_bytes) {
  Catalogue empty;
  empty.stamp = stamp;
  empty.record_bytes = record_bytes;
  const std::vector<std::byte> catalogue = encode_catalogue(empty);
  MemoryHeader header;
  header.generation = 2;
  header.catalogue_offsets = {kFirstFreeByte, kFirstFreeByte + catalogue.size()};
  header.catalogue_bytes = catalogue.size();
  header.catalogue = checksum_of(catalogue);
  header.file_bytes = header.catalogue_offsets[1] + catalogue.size();
  header.is_settled = true;
  MemoryHeader older = header;
  older.generation = 1;
  TemporarySibling temporary(path_, TemporarySibling::Kind::kFile);
  const int descriptor = temporary.descriptor();
  try {
    for (const MemoryHeader& page : {header, older}) {
      write_all(descriptor, page.page(), encode_header(page));
    }
    for (const uint64_t offset : header.catalogue_offsets) {
      write_all(descriptor, offset, catalogue);
    }
    if (::fsync(descriptor) != 0) throw errno;
  } catch (int error_number) {
    fail(error_number);
  }
  is_made_ = temporary.take_empty_place();
  if (is_made_) sync_to_disk(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
}

/// The file of that name, locked; false where whoever made it has taken it away in between.
bool MemoryWriter::open_to_write() {
  { const RegularFile is_one = RegularFile::open(path_); }  // says what it is instead
  if (file_.number >= 0) ::close(file_.number);
  file_.number = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (file_.number < 0) fail(errno);
  MemoryLocks(file_.number, path_).become_writer();
  struct stat opened {};
  struct stat named {};
  return ::fstat(file_.number, &opened) == 0 && ::stat(path_.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void MemoryWriter::open() {
  MemoryState state = read_memory_state(file_.number, path_);
  header_ = state.header;
  older_ = state.older;
  catalogue_ = std::move(state.catalogue);
  for (const std::string& damage : state.damage) {
    warnings_.push_back(fmt::format("{}: {}", path_.string(), damage));
  }
  holds_media_ = !catalogue_.media.empty();
  // What was got around is mended by the next commit, which an unchanged file would not have.
  changed_ = !state.damage.empty() || !header_.is_settled;
  drop_what_is_cut_off();
  read_pages();
  for (size_t i = 0; i < catalogue_.images.size(); ++i) {
    by_pixels_.emplace(catalogue_.images[i].pixels, static_cast<uint32_t>(i));
  }
}

/// Photos and films that have lost an image go: an index makes them anew.
void MemoryWriter::drop_what_is_cut_off() {
  const uint64_t size = size_of_file(file_.number, path_);
  const auto is_cut_off = [&](uint32_t image) {
    return catalogue_.images[image].offset + catalogue_.record_bytes > size;
  };
  const size_t before = catalogue_.media.size();
  std::erase_if(catalogue_.media, [&](const MediumRecord& medium) {
    return std::any_of(medium.images.begin(), medium.images.end(), is_cut_off);
  });
  if (catalogue_.media.size() < before) {
    warnings_.push_back(fmt::format("{}: was cut off; {} photos and films are lost from it",
                                    path_.string(), before - catalogue_.media.size()));
  }
  const bool lost_images = std::any_of(
      catalogue_.images.begin(), catalogue_.images.end(),
      [&](const ImageRecord& image) { return image.offset + catalogue_.record_bytes > size; });
  if (!lost_images) return;
  catalogue_.drop_unused_images();
  changed_ = true;
}

void MemoryWriter::read_pages() {
  std::vector<Extent> used;
  for (const uint64_t offset : header_.catalogue_offsets) {
    used.push_back({offset, header_.catalogue_bytes});
  }
  // What else the other header leads to counts no more, and may have been written over.
  if (older_ && older_->catalogue_offsets != header_.catalogue_offsets) older_.reset();
  for (const ImageRecord& image : catalogue_.images) {
    used.push_back({image.offset, catalogue_.record_bytes});
  }
  pages_.emplace(kFirstFreeByte, std::max(header_.file_bytes, size_of_file(file_.number, path_)),
                 std::move(used));
  if (MemoryLocks(file_.number, path_).nobody_reads()) pages_->release();
}

bool MemoryWriter::is_whole(uint32_t image) {
  if (whole_.contains(image)) return true;
  if (damaged_.contains(image)) return false;
  const ImageRecord& record = catalogue_.images.at(image);
  const std::vector<std::byte> bytes =
      read_at(file_.number, record.offset, catalogue_.record_bytes, path_);
  const bool whole =
      bytes.size() == catalogue_.record_bytes && checksum_of(bytes) == record.checksum;
  (whole ? whole_ : damaged_).insert(image);
  return whole;
}

std::optional<uint32_t> MemoryWriter::find(const ContentHash& pixels) const {
  const auto found = by_pixels_.find(pixels);
  if (found == by_pixels_.end() || damaged_.contains(found->second)) return std::nullopt;
  return found->second;
}

void MemoryWriter::write(uint64_t offset, std::span<const std::byte> bytes) const {
  try {
    write_all(file_.number, offset, bytes);
  } catch (int error_number) {
    fail(error_number);
  }
}

void MemoryWriter::sync() const {
  if (::fdatasync(file_.number) != 0) fail(errno);
}

/// The next header, in the place of the older one.
void MemoryWriter::write_header(MemoryHeader header) {
  header.generation = header_.generation + 1;
  write(header.page(), encode_header(header));
  sync();
  older_ = header_;
  header_ = header;
}

/// From now on bytes that belong to nothing may hold something.
void MemoryWriter::begin_change() {
  changed_ = true;
  if (!header_.is_settled) return;
  MemoryHeader header = header_;
  header.is_settled = false;
  write_header(header);
}

uint32_t MemoryWriter::add(const ContentHash& pixels, std::span<const std::byte> record) {
  OWL3_CHECK(record.size() == catalogue_.record_bytes);
  if (const auto known = find(pixels)) return *known;
  begin_change();
  const uint64_t offset = pages_->take(record.size());
  try {
    write(offset, record);
  } catch (...) {
    pages_->give({offset, record.size()});
    throw;
  }
  const ImageRecord added = {pixels, offset, checksum_of(record)};
  const auto [known, is_new] =
      by_pixels_.emplace(pixels, static_cast<uint32_t>(catalogue_.images.size()));
  const uint32_t index = known->second;
  if (is_new) {
    catalogue_.images.push_back(added);
  } else {  // in the place of a damaged one
    ImageRecord& image = catalogue_.images[index];
    replaced_.push_back({image.offset, catalogue_.record_bytes});
    image = added;
    damaged_.erase(index);
    whole_.insert(index);
  }
  return index;
}

void MemoryWriter::give_catalogue(const MemoryHeader& header) {
  if (header.catalogue_offsets == header_.catalogue_offsets) return;
  for (const uint64_t offset : header.catalogue_offsets) {
    pages_->give({offset, header.catalogue_bytes});
  }
}

void MemoryWriter::commit() {
  begin_change();
  const std::vector<std::byte> bytes = encode_catalogue(catalogue_);
  MemoryHeader header = header_;
  header.catalogue_bytes = bytes.size();
  header.catalogue = checksum_of(bytes);
  size_t taken = 0;
  const std::optional<MemoryHeader> oldest = older_;
  try {
    for (uint64_t& offset : header.catalogue_offsets) {
      offset = pages_->take(bytes.size());
      ++taken;
      write(offset, bytes);
    }
    sync();
    header.file_bytes = pages_->end();
    write_header(header);
  } catch (...) {
    for (size_t i = 0; i < taken; ++i) {
      pages_->give({header.catalogue_offsets[i], bytes.size()});
    }
    throw;
  }
  holds_media_ = holds_media_ || !catalogue_.media.empty();
  // Two headers back, which nothing leads to any more.
  if (oldest && older_ && oldest->catalogue_offsets != older_->catalogue_offsets) {
    give_catalogue(*oldest);
  }
  if (pages_->has_later() && MemoryLocks(file_.number, path_).nobody_reads()) pages_->release();
}

/// Zeros, which take no room on the disk where the file system can leave it out.
void MemoryWriter::clear(const Extent& extent) const {
  if (::fallocate(file_.number, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(extent.offset), static_cast<off_t>(extent.bytes)) == 0) {
    return;
  }
  constexpr uint64_t kChunk = 1 << 20;
  const std::vector<std::byte> zeros(kChunk);
  for (uint64_t done = 0; done < extent.bytes; done += kChunk) {
    const uint64_t bytes = std::min(kChunk, extent.bytes - done);
    const std::vector<std::byte> there = read_at(file_.number, extent.offset + done, bytes, path_);
    if (std::equal(there.begin(), there.end(), zeros.begin())) continue;
    write(extent.offset + done, std::span(zeros).first(there.size()));
  }
}

void MemoryWriter::settle() {
  std::set<uint64_t> kept;
  const std::vector<ImageRecord> before = catalogue_.images;
  catalogue_.drop_unused_images();
  for (const ImageRecord& image : catalogue_.images) kept.insert(image.offset);
  if (kept.size() == before.size() && !changed_) return;
  whole_.clear();  // by indices, which are others now
  damaged_.clear();
  by_pixels_.clear();
  for (size_t i = 0; i < catalogue_.images.size(); ++i) {
    by_pixels_.emplace(catalogue_.images[i].pixels, static_cast<uint32_t>(i));
  }
  commit();
  for (const ImageRecord& image : before) {
    if (!kept.contains(image.offset)) {
      pages_->give_later({image.offset, catalogue_.record_bytes});
    }
  }
  for (const Extent& extent : std::exchange(replaced_, {})) pages_->give_later(extent);
  // Now both headers lead to this catalogue, and nothing to what was before it.
  const MemoryHeader before_last = *older_;
  write_header(header_);
  give_catalogue(before_last);
  if (pages_->has_later()) {
    if (!MemoryLocks(file_.number, path_).nobody_reads()) return;
    pages_->release();
  }
  for (const Extent& extent : pages_->free()) clear(extent);
  if (::ftruncate(file_.number, static_cast<off_t>(pages_->end())) != 0) fail(errno);
  sync();
  MemoryHeader settled = header_;
  settled.file_bytes = pages_->end();
  settled.is_settled = true;
  write_header(settled);
  // The other header still tells of the file's former end.
  write_header(settled);
  changed_ = false;
}

void MemoryWriter::leave_nothing() noexcept {
  if (!is_new()) return;
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace owl3
