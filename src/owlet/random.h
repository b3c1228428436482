// Random numbers that are the same on every machine: a counter put through a mixing function
// (SplitMix64), so that each row, scene or pixel has a stream of its own.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace owl3 {

/// A bijection of 64 bits without visible pattern (Stafford's variant 13, as in SplitMix64).
constexpr uint64_t mix_bits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// FNV-1a, mixed: the same for a name wherever it stands in a table.
constexpr uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix_bits(hash);
}

class Random {
 public:
  /// The stream of these numbers; another one for any other list.
  Random(std::initializer_list<uint64_t> names) {
    for (const uint64_t name : names) key_ = mix_bits(key_ + kGolden + name) * 3;
  }

  uint64_t next() { return mix_bits(key_ + ++counter_ * kGolden); }
  /// 0 .. n - 1; n is small, so the bias of this way is too.
  int below(int n) {
    OWL3_CHECK(n > 0);
    return static_cast<int>(((next() >> 32) * static_cast<uint64_t>(n)) >> 32);
  }
  /// low .. high, both included.
  int between(int low, int high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  template <typename List>
  const auto& pick(const List& list) {
    return list[static_cast<size_t>(below(static_cast<int>(list.size())))];
  }
  template <typename T>
  void shuffle(std::vector<T>& list) {
    for (size_t i = list.size(); i > 1; --i) {
      std::swap(list[i - 1], list[static_cast<size_t>(below(static_cast<int>(i)))]);
    }
  }

 private:
  static constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
  uint64_t key_ = 0;
  uint64_t counter_ = 0;
};

}  // namespace owl3
