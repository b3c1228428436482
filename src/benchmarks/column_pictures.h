// Pictures that stand in columns of Parquet files, read when they are asked for: the files of a set
// may be larger than memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parquet/parquet_file.h"
#include "training_data/media_reader.h"

namespace owl3 {

class ColumnPictures {
 public:
  struct Place {
    size_t column = 0;
    int64_t row = 0;
  };

  /// The number of a file's column, for places. Throws InputError where it has none of that name.
  size_t add(std::shared_ptr<const parquet::ParquetFile> file, const std::string& column);

  /// "test-00000-of-00001.parquet:17:image", the row counted from 1.
  std::string name(Place place) const;
  /// The picture's file: the bytes of {"bytes", "path"}, as Hugging Face's datasets have it, or of
  /// the column itself. Quick where rows are read in ascending order. Throws InputError where there
  /// is none, or the column is damaged.
  MediaBytes read(Place place);

 private:
  struct Column {
    std::shared_ptr<const parquet::ParquetFile> file;
    std::string name;
  };

  parquet::FieldReader& reader(size_t column);

  std::vector<Column> columns_;
  std::map<size_t, parquet::FieldReader> readers_;  // of one file: each holds a page of pictures
};

}  // namespace owl3
