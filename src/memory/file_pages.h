// Which pages of a memory file are free to be written.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace owl3 {

struct Extent {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/// Offsets and sizes are whole pages.
class FilePages {
 public:
  /// Of a file in which these are in use and lie apart; what is between them, from `first` to
  /// `end`, is given later.
  FilePages(uint64_t first, uint64_t end, std::vector<Extent> used);

  /// The first place that is free, or the end, which moves.
  uint64_t take(uint64_t bytes);
  /// To be taken again.
  void give(const Extent& extent);
  /// The same, when release() says that nobody reads there any more.
  void give_later(const Extent& extent) { later_.push_back(extent); }
  void release();

  /// Behind all that is in use, or given later.
  uint64_t end() const { return end_; }
  std::vector<Extent> free() const;
  bool has_later() const { return !later_.empty(); }

 private:
  std::map<uint64_t, uint64_t> free_;  // begin to end; none touches another, or end_
  std::vector<Extent> later_;
  uint64_t end_;
};

}  // namespace owl3
