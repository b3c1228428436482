// A memory file as it is written: images are added, and become part of the file by commit(), in one
// step. Whoever opens it at any moment sees what was committed last, whole.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "memory/file_pages.h"
#include "memory/memory_state.h"

namespace owl3 {

class MemoryWriter {
 public:
  /// Of a file that is there. Throws InputError where it is no memory, or another process writes to
  /// it.
  explicit MemoryWriter(const std::filesystem::path& path);
  /// Of one that may be there. Throws InputError where that was made otherwise, saying how.
  MemoryWriter(const std::filesystem::path& path, const MemoryStamp& stamp, uint64_t record_bytes);
  /// Takes back what was not committed.
  ~MemoryWriter();
  MemoryWriter(const MemoryWriter&) = delete;
  MemoryWriter& operator=(const MemoryWriter&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const Catalogue& catalogue() const { return catalogue_; }
  /// To be changed; commit() makes it so.
  std::vector<MediumRecord>& media() {
    changed_ = true;
    return catalogue_.media;
  }
  /// Damage that was got around, and photos and films that the end of a file that was cut off had;
  /// a line each.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Whether an image is as it was written. Reads it whole, once; one that is not counts as not
  /// there from then on, and what is added in its place is what all have who have it.
  bool is_whole(uint32_t image);
  std::optional<uint32_t> find(const ContentHash& pixels) const;
  /// Writes an image, and returns its index. Throws InputError (disk full, ...).
  uint32_t add(const ContentHash& pixels, std::span<const std::byte> record);
  /// Brings all to the disk, then makes it what the file holds. Throws InputError, and what was
  /// committed before is what the file holds.
  void commit();
  /// Forgets images that no medium has, commits, and frees what belongs to nothing, as far as
  /// nobody reads it.
  void settle();
  /// Whether there was no file before, and nothing was committed to the one that this made.
  bool is_new() const { return is_made_ && !holds_media_; }
  /// Takes the file away where it is new.
  void leave_nothing() noexcept;

 private:
  void open();
  void create(const MemoryStamp& stamp, uint64_t record_bytes);
  bool open_to_write();
  void drop_what_is_cut_off();
  void read_pages();
  void begin_change();
  void write(uint64_t offset, std::span<const std::byte> bytes) const;
  void clear(const Extent& extent) const;
  void sync() const;
  void write_header(MemoryHeader header);
  void give_catalogue(const MemoryHeader& header);
  [[noreturn]] void fail(int error_number) const;

  std::filesystem::path path_;
  /// Closed, and its lock given up, also where the constructor throws.
  struct Descriptor {
    Descriptor() = default;
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number = -1;
  } file_;
  MemoryHeader header_;
  std::optional<MemoryHeader> older_;
  Catalogue catalogue_;
  std::vector<std::string> warnings_;
  std::map<ContentHash, uint32_t> by_pixels_;
  std::set<uint32_t> whole_, damaged_;  // as far as it was asked for
  std::vector<Extent> replaced_;        // where damaged images lay
  std::optional<FilePages> pages_;
  bool is_made_ = false;
  bool holds_media_ = false;  // committed ones
  bool changed_ = false;
};

}  // namespace owl3
