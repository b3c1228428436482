#include "training_data/sample_order.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace owl3 {
namespace {

/// splitmix64 (Steele, Lea, Flood 2014): a bijection of 64 bits that mixes all of them.
uint64_t mixed(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

constexpr double kMostSamples = 1e15;  // an epoch's; keeps sums far from overflow

}  // namespace

Permutation::Permutation(uint64_t size, uint64_t seed) : size_(size), seed_(mixed(seed)) {
  while (half_bits_ < 31 && uint64_t{1} << 2 * half_bits_ < size) ++half_bits_;
}

/// A Feistel network: a bijection whatever its rounds compute.
uint64_t Permutation::shuffled_once(uint64_t value) const {
  constexpr uint64_t kRounds = 6;
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t next = left ^ (mixed(seed_ ^ mixed(right << 3 | round)) & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

/// Walks the cycle of a larger permutation until it is back in range; less than four steps on
/// average, as the larger range is less than four times as large.
uint64_t Permutation::operator()(uint64_t index) const {
  do {
    index = shuffled_once(index);
  } while (index >= size_);
  return index;
}

SampleOrder::SampleOrder(const std::vector<Source>& sources, bool shuffle, uint64_t seed)
    : shuffle_(shuffle), seed_(seed) {
  if (sources.empty()) throw UsageError("training needs at least one data source");
  uint64_t end = 0;
  for (const Source& source : sources) {
    const double share = std::round(source.weight * static_cast<double>(source.lines));
    if (!(source.weight > 0) || !(share >= 1 && share <= kMostSamples)) {
      throw UsageError(fmt::format(
          "weight {} leaves nothing, or too much, of a source with {} rows; it says how many times "
          "a row is seen in an epoch",
          source.weight, source.lines));
    }
    end += static_cast<uint64_t>(share);
    lines_.push_back(static_cast<uint64_t>(source.lines));
    ends_.push_back(end);
  }
}

SampleAddress SampleOrder::address(int64_t number) const {
  const uint64_t per_epoch = ends_.back();
  const uint64_t epoch = static_cast<uint64_t>(number) / per_epoch;
  uint64_t slot = static_cast<uint64_t>(number) % per_epoch;
  if (shuffle_) slot = Permutation(per_epoch, mixed(seed_) ^ epoch)(slot);
  const auto end = std::upper_bound(ends_.begin(), ends_.end(), slot);
  const auto source = static_cast<size_t>(end - ends_.begin());
  const uint64_t begin = source == 0 ? 0 : ends_[source - 1];
  // How often the source has been asked since the first epoch; a pass is once through its lines.
  const uint64_t asked = epoch * (*end - begin) + (slot - begin);
  const uint64_t pass = asked / lines_[source];
  uint64_t line = asked % lines_[source];
  if (shuffle_) line = Permutation(lines_[source], mixed(seed_ + 1 + source) ^ pass)(line);
  return {static_cast<int64_t>(source), static_cast<int64_t>(line)};
}

}  // namespace owl3
