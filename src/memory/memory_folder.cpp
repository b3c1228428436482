#include "memory/memory_folder.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/checksum.h"
#include "memory/byte_codec.h"

namespace owl3 {

namespace {

constexpr std::string_view kMagic = "owl3 image memory 1\n";

/// The page before the record: all that it has to be.
std::vector<std::byte> header_of(const MemoryKey& key, const RecordLayout& layout,
                                 std::span<const std::byte> record) {
  ByteWriter out;
  out.text(kMagic);
  out.raw(key.model);
  out.raw(key.pixels.bytes);
  out.text(layout.description());
  out.number(static_cast<uint64_t>(record.size()));
  out.raw(checksum_of(record));
  out.pad(kPageBytes);
  return std::move(out.bytes());
}

std::string name_of(const MemoryKey& key) {
  Sha256 sha;
  sha.add(std::as_bytes(std::span(key.model)));
  sha.add(std::as_bytes(std::span(key.pixels.bytes)));
  return hex_text(sha.finish());
}

}  // namespace

MemoryFolder::MemoryFolder(std::filesystem::path folder, int64_t budget)
    : folder_(std::move(folder), ".owlimage", budget) {}

void MemoryFolder::put(const MemoryKey& key, const ImageMemory& memory) noexcept {
  try {
    const std::string name = name_of(key);
    if (folder_.holds(name) || !memory.layers.at(0).keys.device().is_host()) return;
    const RecordLayout layout = RecordLayout::of(memory);
    const std::vector<std::byte> record = layout.write(memory);
    const std::vector<std::byte> header = header_of(key, layout, record);
    folder_.put(name, std::array<std::span<const std::byte>, 2>{header, record});
  } catch (const std::exception&) {
    // A full disk, no memory: it is computed again when it is wanted.
  }
}

ImageMemoryPtr MemoryFolder::find(const MemoryKey& key, const RecordLayout& layout) noexcept {
  try {
    const std::string name = name_of(key);
    const auto file = folder_.open(name);
    if (!file) return nullptr;
    const std::span<const std::byte> bytes = file->bytes();
    const std::span<const std::byte> record =
        bytes.subspan(std::min<size_t>(bytes.size(), kPageBytes));
    if (record.size() == layout.record_bytes()) {
      const std::vector<std::byte> header = header_of(key, layout, record);
      if (std::equal(header.begin(), header.end(), bytes.begin())) {
        folder_.mark_used(name);
        return layout.read(record, file);
      }
    }
    folder_.remove(name);
    return nullptr;
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace owl3
