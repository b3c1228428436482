// A memory file read whole: which bits are not as they were written.
#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/progress_text.h"
#include "memory/file_pages.h"
#include "memory/memory_file.h"

namespace owl3 {

namespace {

constexpr uint64_t kChunk = 4 << 20;

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte byte) { return byte == std::byte(); });
}

class Verification {
 public:
  Verification(const std::filesystem::path& path,
               const std::function<void(uint64_t, uint64_t)>& progress)
      : path_(path),
        progress_(progress),
        file_(RegularFile::open(path)),
        memory_(MemoryFile::open(path)),
        state_(read_memory_state(file_.descriptor(), path)),
        map_(MappedFile::map(file_, path)) {}

  MemoryVerification run() {
    for (const std::string& damage : state_.damage) result_.damage.push_back(damage);
    used_ = {{0, kFirstFreeByte}};
    check_header(state_.header, true);
    if (state_.older) check_header(*state_.older, state_.header.is_settled);
    check_records();
    check_rest();
    return std::move(result_);
  }

 private:
  void step(uint64_t bytes) { progress_(done_ += bytes, map_->bytes().size()); }

  std::span<const std::byte> at(uint64_t offset, uint64_t bytes) const {
    const std::span<const std::byte> all = map_->bytes();
    if (offset > all.size()) return {};
    return all.subspan(offset, std::min<uint64_t>(bytes, all.size() - offset));
  }

  /// Of the older header of a file that is being changed, the catalogue may be gone already.
  void check_header(const MemoryHeader& header, bool must_be_whole) {
    for (const uint64_t offset : header.catalogue_offsets) {
      const bool known = std::any_of(used_.begin(), used_.end(),
                                     [&](const Extent& extent) { return extent.offset == offset; });
      if (known) continue;
      const bool whole = checksum_of(at(offset, header.catalogue_bytes)) == header.catalogue;
      step(header.catalogue_bytes);
      if (!whole && !must_be_whole) continue;
      used_.push_back({offset, header.catalogue_bytes});
      if (whole) continue;
      std::string line = fmt::format("a copy of its catalogue, at byte {}, is damaged", offset);
      if (std::find(result_.damage.begin(), result_.damage.end(), line) == result_.damage.end()) {
        result_.damage.push_back(std::move(line));
      }
    }
  }

  void check_records() {
    const Catalogue& catalogue = state_.catalogue;
    std::vector<bool> damaged(catalogue.images.size());
    for (size_t i = 0; i < catalogue.images.size(); ++i) {
      const ImageRecord& image = catalogue.images[i];
      used_.push_back({image.offset, catalogue.record_bytes});
      const std::span<const std::byte> bytes = at(image.offset, catalogue.record_bytes);
      damaged[i] = bytes.size() < catalogue.record_bytes || checksum_of(bytes) != image.checksum;
      release_mapped(bytes.data(), bytes.size());
      step(catalogue.record_bytes);
    }
    result_.images = static_cast<int64_t>(damaged.size());
    result_.damaged_images = std::count(damaged.begin(), damaged.end(), true);
    std::vector<bool> named(damaged.size());
    for (const MediumRecord& medium : catalogue.media) name_damage(medium, damaged, named);
    const auto unnamed = std::count(damaged.begin(), damaged.end(), true) -
                         std::count(named.begin(), named.end(), true);
    if (unnamed > 0) {
      result_.damage.push_back(fmt::format("{} images of an index that was not finished", unnamed));
    }
  }

  void name_damage(const MediumRecord& medium, const std::vector<bool>& damaged,
                   std::vector<bool>& named) {
    for (size_t i = 0; i < medium.images.size(); ++i) {
      if (!damaged[medium.images[i]]) continue;
      named[medium.images[i]] = true;
      if (medium.is_video) {
        result_.damage.push_back(fmt::format("{}: the frame at {} is damaged", medium.path,
                                             duration_text(medium.seconds[i])));
      } else if (medium.images.size() > 1) {
        result_.damage.push_back(
            fmt::format("{}: image {} of {} is damaged", medium.path, i + 1, medium.images.size()));
      } else {
        result_.damage.push_back(fmt::format("{}: is damaged", medium.path));
      }
    }
  }

  /// What belongs to nothing.
  void check_rest() {
    std::sort(used_.begin(), used_.end(),
              [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
    uint64_t unused = 0;
    uint64_t at_byte = kFirstFreeByte;
    used_.push_back({map_->bytes().size(), 0});
    for (const Extent& extent : used_) {
      const uint64_t until = std::min<uint64_t>(extent.offset, map_->bytes().size());
      for (; at_byte < until; at_byte += kChunk) {
        const auto part = at(at_byte, std::min(kChunk, until - at_byte));
        if (!is_zero(part)) add_rest(at_byte, part.size(), unused);
        release_mapped(part.data(), part.size());
        step(part.size());
      }
      at_byte = std::max(std::min(at_byte, until), extent.offset + extent.bytes);
    }
    if (state_.size < state_.header.file_bytes) {
      result_.damage.push_back(fmt::format("it is cut off: {} of {} bytes are there", state_.size,
                                           state_.header.file_bytes));
    }
    if (unused > 0) {
      result_.notes.push_back(
          fmt::format("{} bytes are of a change that was not finished, or is going on; the next "
                      "owl3 index frees them",
                      unused));
    }
  }

  void add_rest(uint64_t offset, uint64_t bytes, uint64_t& unused) {
    if (state_.header.is_settled) {
      result_.damage.push_back(
          fmt::format("unused bytes from {} to {} are not empty", offset, offset + bytes));
    } else {
      unused += bytes;
    }
  }

  std::filesystem::path path_;
  const std::function<void(uint64_t, uint64_t)>& progress_;
  RegularFile file_;
  std::shared_ptr<const MemoryFile> memory_;  // held, so that what is read stays
  MemoryState state_;
  std::shared_ptr<const MappedFile> map_;
  MemoryVerification result_;
  std::vector<Extent> used_;
  uint64_t done_ = 0;
};

}  // namespace

MemoryVerification verify_memory(
    const std::filesystem::path& path,
    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  return Verification(path, progress).run();
}

}  // namespace owl3
