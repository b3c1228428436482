#include "memory/memory_header.h"

#include <algorithm>

#include "memory/byte_codec.h"

namespace owl3 {

namespace {

/// The line feed after the carriage return shows what a transfer as text has done.
constexpr std::array<uint8_t, 8> kMagic = {'O', 'W', 'L', 'M', 'E', 'M', '\r', '\n'};
constexpr uint32_t kSettled = 1;
constexpr size_t kChecksummed = kPageBytes - sizeof(Checksum);

bool is_place(uint64_t offset, uint64_t bytes, uint64_t file_bytes) {
  return offset % kPageBytes == 0 && offset >= kFirstFreeByte && offset <= file_bytes &&
         bytes <= file_bytes - offset;
}

bool makes_sense(const MemoryHeader& header, uint64_t index) {
  const auto [first, second] = header.catalogue_offsets;
  const uint64_t bytes = header.catalogue_bytes;
  return header.generation > 0 && header.generation % 2 == index &&
         header.file_bytes <= kMostFileBytes && bytes > 0 && bytes % kPageBytes == 0 &&
         is_place(first, bytes, header.file_bytes) && is_place(second, bytes, header.file_bytes) &&
         (first > second ? first - second : second - first) >= bytes;
}

}  // namespace

std::array<std::byte, kPageBytes> encode_header(const MemoryHeader& header) {
  ByteWriter out;
  out.raw(kMagic);
  out.number(kMemoryFileVersion);
  out.number<uint32_t>(header.is_settled ? kSettled : 0);
  out.number(header.generation);
  out.number(header.file_bytes);
  for (const uint64_t offset : header.catalogue_offsets) out.number(offset);
  out.number(header.catalogue_bytes);
  out.raw(header.catalogue);
  out.pad(kPageBytes);
  std::array<std::byte, kPageBytes> page{};
  std::copy_n(out.bytes().begin(), kChecksummed, page.begin());
  const Checksum sum = checksum_of(std::span(page).first(kChecksummed));
  std::copy_n(std::as_bytes(std::span(sum)).begin(), sum.size(), page.begin() + kChecksummed);
  return page;
}

HeaderPage parse_header(std::span<const std::byte> page, uint64_t index) {
  const auto magic = std::as_bytes(std::span(kMagic));
  if (std::all_of(page.begin(), page.end(), [](std::byte byte) { return byte == std::byte(); })) {
    return {HeaderState::kBlank};
  }
  if (page.size() < magic.size() || !std::equal(magic.begin(), magic.end(), page.begin())) {
    return {HeaderState::kForeign};
  }
  if (page.size() < kPageBytes) return {HeaderState::kDamaged};
  const Checksum sum = checksum_of(page.first(kChecksummed));
  const auto stored = page.subspan(kChecksummed);
  if (!std::equal(stored.begin(), stored.end(), std::as_bytes(std::span(sum)).begin())) {
    return {HeaderState::kDamaged};
  }
  ByteReader in(page.subspan(magic.size()));
  const auto version = in.number<uint32_t>();
  if (version != kMemoryFileVersion) return {HeaderState::kOtherVersion, {}, version};
  MemoryHeader header;
  const auto flags = in.number<uint32_t>();
  header.is_settled = (flags & kSettled) != 0;
  header.generation = in.number<uint64_t>();
  header.file_bytes = in.number<uint64_t>();
  for (uint64_t& offset : header.catalogue_offsets) offset = in.number<uint64_t>();
  header.catalogue_bytes = in.number<uint64_t>();
  in.raw(header.catalogue);
  if (flags > kSettled || !makes_sense(header, index)) return {HeaderState::kDamaged};
  return {HeaderState::kWhole, header};
}

}  // namespace owl3
