// Parquet files, as Hugging Face's datasets, pyarrow, arrow-rs and DuckDB write them: columns,
// value by value. What is read when: docs/evaluation.md tells what such files are for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/mapped_file.h"
#include "parquet/column_reader.h"
#include "parquet/footer.h"

namespace owl3::parquet {

class FieldReader;

/// A file, of which the footer has been read. Immutable.
class ParquetFile : public std::enable_shared_from_this<ParquetFile> {
 public:
  /// Throws InputError that names the file, where it is none, or damaged, or encrypted.
  static std::shared_ptr<const ParquetFile> open(const std::filesystem::path& path);
  /// The same of bytes that outlive it; `name` stands in errors.
  static std::shared_ptr<const ParquetFile> parse(std::span<const std::byte> bytes,
                                                  const std::string& name);

  int64_t rows() const { return footer_.rows; }
  /// Of the whole file.
  size_t bytes() const { return bytes_.size(); }
  const std::string& name() const { return name_; }
  std::vector<std::string> columns() const;
  bool has_column(const std::string& column) const { return find(column) != nullptr; }
  /// Throws InputError, with the columns that there are, where there is none of that name.
  FieldReader reader(const std::string& column) const;

 private:
  friend class FieldReader;

  ParquetFile(std::span<const std::byte> bytes, std::string name,
              std::shared_ptr<const MappedFile> mapped);
  const Field* find(const std::string& column) const;

  std::span<const std::byte> bytes_;
  std::string name_;
  std::shared_ptr<const MappedFile> mapped_;
  Footer footer_;
};

/// The values of a column (a field of the schema's first level, with all that is in it). Quick
/// where rows are read in ascending order; pages between them are passed over. Memory holds a page
/// of each leaf.
class FieldReader {
 public:
  FieldReader(std::shared_ptr<const ParquetFile> file, const Field& field);

  /// The value in a row of the file: null where it is missing, objects for groups, lists for lists
  /// and maps (of {"key", "value"}), binary for bytes. Throws InputError that names file and
  /// column.
  nlohmann::ordered_json at(int64_t row);

 private:
  using Json = nlohmann::ordered_json;

  void go_to(int64_t row);
  void open_group(size_t group, int64_t first_row);
  void leave_group();
  Json value(const Field& field);
  Json content(const Field& field);
  Json list(const Field& field, bool unwraps_element);
  void pass_missing(const Field& field);
  void count_value();
  void check_row_end();
  ColumnReader& leaf(size_t index) { return leaves_[index - field_.first_leaf]; }

  std::shared_ptr<const ParquetFile> file_;
  const Field& field_;
  std::optional<size_t> group_;
  int64_t group_begin_ = 0, next_row_ = 0;  // of the file
  int64_t values_in_row_ = 0;
  std::vector<ColumnReader> leaves_;
};

}  // namespace owl3::parquet
