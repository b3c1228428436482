#include "parquet/footer.h"

#include <cstring>
#include <limits>
#include <string_view>

#include "core/error.h"

namespace owl3::parquet {

namespace {

using Type = ThriftReader::Type;

constexpr std::string_view kMagic = "PAR1";
constexpr std::string_view kEncryptedMagic = "PARE";
/// Behind the metadata: their size in 4 bytes, and the magic.
constexpr size_t kTailBytes = 8;

std::string_view text_at(std::span<const std::byte> file, size_t offset, size_t size) {
  return {reinterpret_cast<const char*>(file.data()) + offset, size};
}

/// A chunk as the file says, unchecked.
struct RawChunk {
  int32_t codec = 0, physical = -1;
  int64_t values = 0, compressed = 0, data_offset = 0, dictionary_offset = 0;
  bool has_metadata = false, is_encrypted = false, is_elsewhere = false;
};

void read_chunk_metadata(ThriftReader& reader, RawChunk& chunk) {
  chunk.has_metadata = true;
  reader.read_struct([&](int64_t id, Type type) {
    switch (id) {
      case 1:
        chunk.physical = reader.integer32(type);
        return true;
      case 4:
        chunk.codec = reader.integer32(type);
        return true;
      case 5:
        chunk.values = reader.integer(type);
        return true;
      case 7:
        chunk.compressed = reader.integer(type);
        return true;
      case 9:
        chunk.data_offset = reader.integer(type);
        return true;
      case 11:
        chunk.dictionary_offset = reader.integer(type);
        return true;
      default:
        return false;
    }
  });
}

RawChunk read_chunk(ThriftReader& reader) {
  RawChunk chunk;
  reader.read_struct([&](int64_t id, Type type) {
    switch (id) {
      case 1:
        chunk.is_elsewhere = !reader.binary(type).empty();
        return true;
      case 3:
        if (type != Type::kStruct) return false;
        read_chunk_metadata(reader, chunk);
        return true;
      case 8:
      case 9:
        chunk.is_encrypted = true;
        return false;
      default:
        return false;
    }
  });
  return chunk;
}

ColumnChunk checked(const RawChunk& raw, const Leaf& leaf, uint64_t end_of_data) {
  ColumnChunk chunk;
  chunk.codec = raw.codec;
  chunk.is_encrypted = raw.is_encrypted;
  chunk.is_elsewhere = raw.is_elsewhere;
  if (chunk.is_encrypted || chunk.is_elsewhere) return chunk;
  if (raw.has_metadata && raw.values == 0) return chunk;  // it may say to be anywhere
  // Some writers say that there is a dictionary at 0, where there is none.
  const int64_t begin = raw.dictionary_offset > 0 && raw.dictionary_offset < raw.data_offset
                            ? raw.dictionary_offset
                            : raw.data_offset;
  const bool inside =
      begin >= static_cast<int64_t>(kMagic.size()) && raw.compressed >= 0 &&
      static_cast<uint64_t>(begin) <= end_of_data &&
      static_cast<uint64_t>(raw.compressed) <= end_of_data - static_cast<uint64_t>(begin);
  if (!raw.has_metadata || !inside || raw.values < 0 ||
      raw.physical != static_cast<int32_t>(leaf.type.physical)) {
    throw InputError(
        fmt::format("is damaged: what it says of its column \"{}\" cannot be", leaf.path));
  }
  chunk.values = raw.values;
  chunk.offset = static_cast<uint64_t>(begin);
  chunk.size = static_cast<uint64_t>(raw.compressed);
  return chunk;
}

struct RawGroup {
  int64_t rows = 0;
  std::vector<RawChunk> columns;
};

RawGroup read_group(ThriftReader& reader) {
  RawGroup group;
  reader.read_struct([&](int64_t id, Type type) {
    if (id == 1) {
      reader.read_list(type, [&](Type) { group.columns.push_back(read_chunk(reader)); });
      return true;
    }
    if (id != 3) return false;
    group.rows = reader.integer(type);
    return true;
  });
  return group;
}

/// The metadata without their tail.
std::span<const std::byte> metadata_of(std::span<const std::byte> file) {
  const size_t smallest = kMagic.size() + kTailBytes;
  if (file.size() < kMagic.size() ||
      (text_at(file, 0, 4) != kMagic && text_at(file, 0, 4) != kEncryptedMagic)) {
    throw InputError("is no Parquet file");
  }
  if (file.size() < smallest) throw InputError("is cut off: a Parquet file without its end");
  const std::string_view tail = text_at(file, file.size() - 4, 4);
  if (tail == kEncryptedMagic) throw InputError("is encrypted; encrypted Parquet is not read");
  if (tail != kMagic) throw InputError("is cut off: a Parquet file without its end");
  uint32_t size = 0;
  std::memcpy(&size, file.data() + file.size() - kTailBytes, sizeof(size));
  if (size > file.size() - smallest) {
    throw InputError("is damaged: its metadata are larger than the file");
  }
  return file.subspan(file.size() - kTailBytes - size, size);
}

}  // namespace

Footer read_footer(std::span<const std::byte> file) {
  const std::span<const std::byte> metadata = metadata_of(file);
  ThriftReader reader(metadata);
  std::vector<SchemaElement> elements;
  std::vector<RawGroup> groups;
  reader.read_struct([&](int64_t id, Type type) {
    switch (id) {
      case 2:
        reader.read_list(type, [&](Type) { elements.push_back(read_schema_element(reader)); });
        return true;
      case 4:
        reader.read_list(type, [&](Type) { groups.push_back(read_group(reader)); });
        return true;
      default:
        return false;
    }
  });
  Footer footer;
  footer.schema = build_schema(elements);
  const uint64_t end_of_data = file.size() - kTailBytes - metadata.size();
  for (const RawGroup& raw : groups) {
    if (raw.columns.size() != footer.schema.leaves.size() || raw.rows < 0 ||
        raw.rows > std::numeric_limits<int64_t>::max() - footer.rows) {
      throw InputError("is damaged: a row group does not fit its schema");
    }
    RowGroup group;
    group.rows = raw.rows;
    for (size_t i = 0; i < raw.columns.size(); ++i) {
      group.columns.push_back(checked(raw.columns[i], footer.schema.leaves[i], end_of_data));
    }
    footer.rows += raw.rows;
    footer.groups.push_back(std::move(group));
  }
  return footer;
}

}  // namespace owl3::parquet
