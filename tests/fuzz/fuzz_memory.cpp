// Fuzzes memory files: the input is what stands in a header, and in a catalogue, whose checksums
// are right. What a catalogue says that is not refused can be written and read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory/catalogue.h"
#include "memory/memory_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte> page(owl3::kPageBytes);
  std::copy_n(bytes.begin(), std::min<size_t>(size, 4080), page.begin());
  const owl3::Checksum sum = owl3::checksum_of(std::span(page).first(4080));
  std::copy_n(std::as_bytes(std::span(sum)).begin(), sum.size(), page.begin() + 4080);
  const owl3::HeaderPage header = owl3::parse_header(page, size % 2);
  if (header.state == owl3::HeaderState::kWhole) {
    for (const uint64_t offset : header.header.catalogue_offsets) {
      if (offset + header.header.catalogue_bytes > header.header.file_bytes) __builtin_trap();
    }
  }
  constexpr uint64_t kFileBytes = uint64_t{1} << 30;
  try {
    const owl3::Catalogue catalogue = owl3::parse_catalogue(bytes, kFileBytes);
    for (const owl3::ImageRecord& image : catalogue.images) {
      if (image.offset + catalogue.record_bytes > kFileBytes) __builtin_trap();
    }
    const auto again = owl3::parse_catalogue(owl3::encode_catalogue(catalogue), kFileBytes);
    if (again.media.size() != catalogue.media.size()) __builtin_trap();
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
