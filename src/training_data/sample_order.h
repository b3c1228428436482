// Which sample comes when: a mixture of sources, shuffled anew in every epoch.
#pragma once

#include <cstdint>
#include <vector>

namespace owl3 {

/// A permutation of 0..size-1 that needs no memory.
class Permutation {
 public:
  Permutation(uint64_t size, uint64_t seed);
  uint64_t operator()(uint64_t index) const;

 private:
  uint64_t shuffled_once(uint64_t value) const;

  uint64_t size_;
  uint64_t seed_;
  int half_bits_ = 0;  // of the smallest power of four that covers the size
};

struct SampleAddress {
  int64_t source = 0;
  int64_t line = 0;
  bool operator==(const SampleAddress&) const = default;
};

/// The endless sequence of samples, as a pure function of their number. In an epoch, a source of n
/// lines is seen round(weight * n) times: with weight 2 each line twice, with 0.5 half of the
/// lines, the other half in the next epoch.
class SampleOrder {
 public:
  struct Source {
    int64_t lines = 0;
    double weight = 1;  // > 0
  };
  /// Without `shuffle`, the sources in their order, a line after the other.
  SampleOrder(const std::vector<Source>& sources, bool shuffle, uint64_t seed);

  int64_t samples_per_epoch() const { return static_cast<int64_t>(ends_.back()); }
  SampleAddress address(int64_t number) const;

 private:
  bool shuffle_;
  uint64_t seed_;
  std::vector<uint64_t> lines_;
  std::vector<uint64_t> ends_;  // of each source's share of an epoch, cumulated
};

}  // namespace owl3
