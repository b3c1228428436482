// What stands before each page of a column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace owl3::parquet {

/// By Parquet's numbers.
enum class PageType : int32_t { kData = 0, kIndex = 1, kDictionary = 2, kDataV2 = 3 };

enum class Encoding : int32_t {
  kPlain = 0,
  kPlainDictionary = 2,
  kRle = 3,
  kBitPacked = 4,
  kDeltaBinaryPacked = 5,
  kDeltaLengthByteArray = 6,
  kDeltaByteArray = 7,
  kRleDictionary = 8,
  kByteStreamSplit = 9
};

struct PageHeader {
  PageType type = PageType::kData;
  size_t size = 0;               // of the page as it stands in the file
  size_t uncompressed_size = 0;  // of it when it is uncompressed
  std::optional<uint32_t> crc;   // of the page as it stands in the file
  int64_t values = 0;            // with those that are missing
  Encoding encoding = Encoding::kPlain;
  Encoding definition_encoding = Encoding::kRle, repetition_encoding = Encoding::kRle;
  // kDataV2: levels stand before the values, never compressed.
  size_t definition_bytes = 0, repetition_bytes = 0;
  bool is_compressed = true;

  size_t header_size = 0;  // of the header itself
};

/// The header at the beginning of `bytes`, what follows being the page. Throws InputError when it
/// is damaged, or the page is not all there.
PageHeader read_page_header(std::span<const std::byte> bytes);

}  // namespace owl3::parquet
