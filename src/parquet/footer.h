// What stands at the end of a Parquet file: its schema, and where the columns of each row group
// are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "parquet/schema.h"

namespace owl3::parquet {

/// The values of a leaf in a row group.
struct ColumnChunk {
  int32_t codec = 0;
  int64_t values = 0;             // with those that are missing
  uint64_t offset = 0, size = 0;  // of its pages; inside the file, before the footer
  bool is_encrypted = false;
  bool is_elsewhere = false;  // in another file
};

struct RowGroup {
  int64_t rows = 0;
  std::vector<ColumnChunk> columns;  // one for each leaf
};

struct Footer {
  Schema schema;
  std::vector<RowGroup> groups;
  int64_t rows = 0;  // the groups' sum: of the whole file some writers say 0
};

/// Throws InputError, without the file's name, for what is no Parquet file, or one that is cut off,
/// damaged or encrypted.
Footer read_footer(std::span<const std::byte> file);

}  // namespace owl3::parquet
