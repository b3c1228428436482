#include "parquet/column_reader.h"

#include <zlib.h>

#include <bit>
#include <cstring>

#include "core/error.h"
#include "parquet/decompress.h"

namespace owl3::parquet {

namespace {

[[noreturn]] void fail() {
  throw InputError("is damaged: a page that does not fit its column");
}

int bits_of(int highest) {
  return std::bit_width(static_cast<unsigned>(highest));
}

/// Levels of a page of the first kind: with their length before them, in RLE.
std::span<const std::byte> take_levels(std::span<const std::byte>& page, Encoding encoding,
                                       int highest, int64_t values) {
  if (highest == 0) return {};
  size_t size = 0;
  if (encoding == Encoding::kBitPacked) {
    size = (static_cast<size_t>(values) * static_cast<size_t>(bits_of(highest)) + 7) / 8;
  } else {
    uint32_t length = 0;
    if (page.size() < sizeof(length)) fail();
    std::memcpy(&length, page.data(), sizeof(length));
    page = page.subspan(sizeof(length));
    size = length;
  }
  if (size > page.size()) fail();
  const auto levels = page.first(size);
  page = page.subspan(size);
  return levels;
}

void check_crc(const PageHeader& header, std::span<const std::byte> page) {
  if (!header.crc) return;
  const auto found = crc32_z(0, reinterpret_cast<const Bytef*>(page.data()), page.size());
  if (found != *header.crc) throw InputError("is damaged: a page's checksum is wrong");
}

}  // namespace

LevelReader::LevelReader(std::span<const std::byte> bytes, Encoding encoding, int highest)
    : is_packed_(encoding == Encoding::kBitPacked), highest_(highest) {
  if (highest == 0) return;
  if (is_packed_) {
    packed_ = PackedLevels(bytes, bits_of(highest));
  } else if (encoding == Encoding::kRle) {
    runs_ = RunDecoder(bytes, bits_of(highest));
  } else {
    throw InputError(fmt::format("has levels in the encoding {}, which is not read",
                                 static_cast<int>(encoding)));
  }
}

int LevelReader::next() {
  if (highest_ == 0) return 0;
  const uint32_t level = is_packed_ ? packed_.next() : runs_.next();
  if (level > static_cast<uint32_t>(highest_)) {
    throw InputError("is damaged: a level above the highest");
  }
  return static_cast<int>(level);
}

ColumnReader::ColumnReader(const Leaf& leaf, const ColumnChunk& chunk,
                           std::span<const std::byte> pages)
    : leaf_(leaf), chunk_(chunk), pages_(pages), left_(chunk.values) {
  if (chunk.is_encrypted) throw InputError("is encrypted; encrypted Parquet is not read");
  if (chunk.is_elsewhere) throw InputError("is in another file, which is not read");
  check_codec(chunk.codec);
}

int ColumnReader::repetition() {
  load();
  return repetition_;
}

int ColumnReader::definition() {
  load();
  return definition_;
}

std::string_view ColumnReader::take() {
  load();
  has_levels_ = false;
  --in_page_;
  --left_;
  if (definition_ < leaf_.definition) return {};
  return values_->next();
}

/// Makes the next entry's levels known.
void ColumnReader::load() {
  if (has_levels_) return;
  if (left_ == 0) fail();
  while (in_page_ == 0) {
    const PageHeader header = next_header();
    if (header.type == PageType::kDictionary) {
      load_dictionary(header);
    } else if (header.type == PageType::kData || header.type == PageType::kDataV2) {
      load_data(header);
    } else {
      page_bytes(header);  // what kinds there may be more of has no values
    }
  }
  repetition_ = repetitions_.next();
  definition_ = definitions_.next();
  has_levels_ = true;
}

PageHeader ColumnReader::next_header() {
  if (position_ == pages_.size()) {
    throw InputError("is damaged: a column with fewer values than it says");
  }
  return read_page_header(pages_.subspan(position_));
}

std::span<const std::byte> ColumnReader::page_bytes(const PageHeader& header) {
  const auto page = pages_.subspan(position_ + header.header_size, header.size);
  position_ += header.header_size + header.size;
  return page;
}

/// The bytes themselves, where nothing is compressed; else in `buffer`.
std::span<const std::byte> ColumnReader::decompressed(const PageHeader& header,
                                                      std::span<const std::byte> bytes,
                                                      std::vector<std::byte>& buffer) const {
  const auto codec = static_cast<Codec>(chunk_.codec);
  const size_t levels = header.definition_bytes + header.repetition_bytes;
  const size_t size = header.uncompressed_size - levels;
  if (codec == Codec::kUncompressed || !header.is_compressed) {
    if (bytes.size() != size) fail();
    return bytes;
  }
  buffer.clear();
  buffer.shrink_to_fit();    // or both pages would be held while one is made
  if (size == 0) return {};  // some write no byte then, and some an empty stream
  buffer = decompress(codec, bytes, size);
  return buffer;
}

void ColumnReader::load_dictionary(const PageHeader& header) {
  if (has_dictionary_) throw InputError("is damaged: a column with two dictionaries");
  if (header.encoding != Encoding::kPlain && header.encoding != Encoding::kPlainDictionary) {
    throw InputError(fmt::format("has a dictionary in the encoding {}, which is not read",
                                 static_cast<int>(header.encoding)));
  }
  const auto page = page_bytes(header);
  check_crc(header, page);
  dictionary_ =
      read_dictionary(decompressed(header, page, dictionary_buffer_), leaf_.type, header.values);
  has_dictionary_ = true;
}

void ColumnReader::load_data(const PageHeader& header) {
  if (header.values > left_) fail();
  values_.reset();
  const auto page = page_bytes(header);
  check_crc(header, page);
  const Body body =
      header.type == PageType::kDataV2 ? split_levels(header, page) : body_of(header, page);
  repetitions_ = LevelReader(body.repetitions, header.repetition_encoding, leaf_.repetition_level);
  definitions_ = LevelReader(body.definitions, header.definition_encoding, leaf_.definition);
  const bool from_dictionary =
      header.encoding == Encoding::kPlainDictionary || header.encoding == Encoding::kRleDictionary;
  if (from_dictionary && !has_dictionary_) {
    throw InputError("is damaged: a column without the dictionary that it needs");
  }
  in_page_ = header.values;
  // A page without values may have no bytes that a decoder could begin with.
  if (body.values.empty()) {
    values_ = make_value_decoder(Encoding::kPlain, leaf_.type, body.values, dictionary_);
  } else {
    values_ = make_value_decoder(header.encoding, leaf_.type, body.values, dictionary_);
  }
}

/// Of a page of the first kind, of which all is compressed in one.
ColumnReader::Body ColumnReader::body_of(const PageHeader& header,
                                         std::span<const std::byte> page) {
  Body body;
  body.values = decompressed(header, page, buffer_);
  body.repetitions =
      take_levels(body.values, header.repetition_encoding, leaf_.repetition_level, header.values);
  body.definitions =
      take_levels(body.values, header.definition_encoding, leaf_.definition, header.values);
  return body;
}

/// Of a page of the second kind, whose levels stand before what is compressed.
ColumnReader::Body ColumnReader::split_levels(const PageHeader& header,
                                              std::span<const std::byte> page) {
  Body body;
  body.repetitions = page.first(header.repetition_bytes);
  body.definitions = page.subspan(header.repetition_bytes, header.definition_bytes);
  const size_t levels = header.repetition_bytes + header.definition_bytes;
  body.values = decompressed(header, page.subspan(levels), buffer_);
  return body;
}

void ColumnReader::skip_rows(int64_t rows) {
  if (leaf_.repetition_level == 0) {
    while (rows > 0) {
      if (in_page_ == 0) rows = skip_pages(rows);
      if (rows == 0) return;
      take();
      --rows;
    }
    return;
  }
  for (; rows > 0; --rows) {
    do {
      take();
    } while (!at_end() && repetition() > 0);
  }
}

/// Passes over the pages that end before the row, and says how many rows are left to pass over.
int64_t ColumnReader::skip_pages(int64_t rows) {
  while (rows > 0) {
    const PageHeader header = next_header();
    if (header.type == PageType::kDictionary) {
      load_dictionary(header);
      continue;
    }
    const bool is_data = header.type == PageType::kData || header.type == PageType::kDataV2;
    if (is_data && (header.values > rows || header.values > left_)) break;
    page_bytes(header);
    if (!is_data) continue;
    rows -= header.values;
    left_ -= header.values;
  }
  return rows;
}

}  // namespace owl3::parquet
