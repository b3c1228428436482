#include "training_data/content_sum.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/mapped_file.h"

namespace owl3 {

namespace {

constexpr size_t kReleaseBytes = size_t{64} << 20;
constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;

/// One step for each word: a bijection of the sum for any word, so that no change of a single word
/// is lost. The last word is filled with zeros; the length, which the sum begins with, tells.
uint64_t add(uint64_t sum, std::span<const std::byte> bytes) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
    sum = (std::rotl(sum, 29) ^ word) * kPrime;
  }
  return sum;
}

}  // namespace

std::string content_sum_of_mapped(std::span<const std::byte> bytes) {
  uint64_t sum = bytes.size();
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kReleaseBytes));
    sum = add(sum, part);
    release_mapped(part.data(), part.size());
    bytes = bytes.subspan(part.size());
  }
  sum = (sum ^ sum >> 32) * kPrime;
  return fmt::format("{:016x}", sum ^ sum >> 29);
}

}  // namespace owl3
