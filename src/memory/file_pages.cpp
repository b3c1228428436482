#include "memory/file_pages.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace owl3 {

FilePages::FilePages(uint64_t first, uint64_t end, std::vector<Extent> used) : end_(end) {
  std::sort(used.begin(), used.end(),
            [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
  uint64_t at = first;
  for (const Extent& extent : used) {
    if (extent.offset > at) later_.push_back({at, extent.offset - at});
    at = std::max(at, extent.offset + extent.bytes);
  }
  end_ = std::max(end_, at);
  if (end_ > at) later_.push_back({at, end_ - at});
}

uint64_t FilePages::take(uint64_t bytes) {
  for (auto extent = free_.begin(); extent != free_.end(); ++extent) {
    const auto [begin, end] = *extent;
    if (end - begin < bytes) continue;
    free_.erase(extent);
    if (end - begin > bytes) free_.emplace(begin + bytes, end);
    return begin;
  }
  return std::exchange(end_, end_ + bytes);
}

void FilePages::give(const Extent& extent) {
  uint64_t begin = extent.offset;
  uint64_t end = extent.offset + extent.bytes;
  auto next = free_.lower_bound(begin);
  if (next != free_.end() && next->first == end) {
    end = next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin() && std::prev(next)->second == begin) {
    begin = std::prev(next)->first;
    free_.erase(std::prev(next));
  }
  if (end == end_) {
    end_ = begin;
  } else {
    free_.emplace(begin, end);
  }
}

void FilePages::release() {
  for (const Extent& extent : std::exchange(later_, {})) give(extent);
}

std::vector<Extent> FilePages::free() const {
  std::vector<Extent> extents;
  for (const auto& [begin, end] : free_) extents.push_back({begin, end - begin});
  return extents;
}

}  // namespace owl3
