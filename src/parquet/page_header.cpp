#include "parquet/page_header.h"

#include "core/error.h"
#include "parquet/thrift_reader.h"

namespace owl3::parquet {

namespace {

using Type = ThriftReader::Type;

/// A page of more is an attack: writers end pages at a megabyte, or at some thousand pictures.
constexpr int64_t kLargestPage = int64_t{1} << 30;

size_t checked_size(int64_t size) {
  if (size < 0) throw InputError("is damaged: a page of less than no bytes");
  if (size > kLargestPage) {
    throw InputError(fmt::format("has a page of {} bytes; {} are read", size, kLargestPage));
  }
  return static_cast<size_t>(size);
}

/// What pages of all kinds say of their values; which field says what depends on the kind.
struct ValueFields {
  int64_t values, encoding, definition_encoding, repetition_encoding;
  int64_t definition_bytes, repetition_bytes, is_compressed;
};
constexpr ValueFields kOfData = {1, 2, 3, 4, -1, -1, -1};
constexpr ValueFields kOfDictionary = {1, 2, -1, -1, -1, -1, -1};
constexpr ValueFields kOfDataV2 = {1, 4, -1, -1, 5, 6, 7};

bool read_values(ThriftReader& reader, const ValueFields& fields, PageHeader& header) {
  const auto encoding = [&](Type type) { return static_cast<Encoding>(reader.integer32(type)); };
  reader.read_struct([&](int64_t id, Type type) {
    if (id == fields.values) {
      header.values = reader.integer32(type);
    } else if (id == fields.encoding) {
      header.encoding = encoding(type);
    } else if (id == fields.definition_encoding) {
      header.definition_encoding = encoding(type);
    } else if (id == fields.repetition_encoding) {
      header.repetition_encoding = encoding(type);
    } else if (id == fields.definition_bytes) {
      header.definition_bytes = checked_size(reader.integer32(type));
    } else if (id == fields.repetition_bytes) {
      header.repetition_bytes = checked_size(reader.integer32(type));
    } else if (id == fields.is_compressed) {
      header.is_compressed = reader.boolean(type);
    } else {
      return false;
    }
    return true;
  });
  return true;
}

}  // namespace

PageHeader read_page_header(std::span<const std::byte> bytes) {
  ThriftReader reader(bytes);
  PageHeader header;
  reader.read_struct([&](int64_t id, Type type) {
    switch (id) {
      case 1:
        header.type = static_cast<PageType>(reader.integer32(type));
        return true;
      case 2:
        header.uncompressed_size = checked_size(reader.integer32(type));
        return true;
      case 3:
        header.size = checked_size(reader.integer32(type));
        return true;
      case 4:
        header.crc = static_cast<uint32_t>(reader.integer32(type));
        return true;
      case 5:
        return type == Type::kStruct && read_values(reader, kOfData, header);
      case 7:
        return type == Type::kStruct && read_values(reader, kOfDictionary, header);
      case 8:
        return type == Type::kStruct && read_values(reader, kOfDataV2, header);
      default:
        return false;
    }
  });
  header.header_size = reader.position();
  const size_t level_bytes = header.definition_bytes + header.repetition_bytes;
  if (header.size > bytes.size() - header.header_size || header.values < 0 ||
      level_bytes > header.size || level_bytes > header.uncompressed_size) {
    throw InputError("is damaged: a page that does not fit its column");
  }
  return header;
}

}  // namespace owl3::parquet
