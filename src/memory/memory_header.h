// The two pages that a memory file begins with. Each tells where a catalogue is; the younger one
// that is whole counts. A change writes to the other, when all that it tells of is on the disk: so
// the file goes from one state to the next in one step, whenever the writer is killed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/checksum.h"
#include "memory/record_layout.h"

namespace owl3 {

inline constexpr uint32_t kMemoryFileVersion = 1;
inline constexpr uint64_t kFirstFreeByte = 2 * kPageBytes;
inline constexpr uint64_t kMostFileBytes = uint64_t{1} << 60;

struct MemoryHeader {
  uint64_t generation = 0;  // 1, 2, ...; its page is generation % 2
  uint64_t file_bytes = 0;  // that are in use; there may be more, of a change that was not finished
  /// The catalogue, twice, so that damage to one loses nothing.
  std::array<uint64_t, 2> catalogue_offsets{};
  uint64_t catalogue_bytes = 0;
  Checksum catalogue{};
  /// No change is going on: bytes that belong to nothing are zero, and the file ends with those in
  /// use.
  bool is_settled = false;

  uint64_t page() const { return generation % 2 * kPageBytes; }
};

enum class HeaderState { kWhole, kBlank, kDamaged, kOtherVersion, kForeign };

struct HeaderPage {
  HeaderState state = HeaderState::kForeign;
  MemoryHeader header{};  // where it is whole
  uint32_t version = 0;   // where that is what is wrong
};

std::array<std::byte, kPageBytes> encode_header(const MemoryHeader& header);

/// `page` is what stands at page `index`, less than a page in a file that is so short.
HeaderPage parse_header(std::span<const std::byte> page, uint64_t index);

}  // namespace owl3
