// What tells the items of a run from those of another.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/checksum.h"
#include "core/sha.h"

namespace owl3 {

inline std::string item_checksum(std::span<const std::byte> bytes) {
  return hex_text(checksum_of(bytes));
}

}  // namespace owl3
