// Fuzzes the index of tar archives: what it says lies inside the archive. InputError is the only
// way out.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.h"
#include "training_data/tar_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto bytes = std::as_bytes(std::span(data, size));
    for (const auto& [name, entry] : owl3::read_tar_index(bytes, "fuzz")) {
      if (entry.offset > size || entry.size > size - entry.offset) __builtin_trap();
    }
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
