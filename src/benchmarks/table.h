// Tables with a header line and tabs or commas between cells, as pandas 1.5 reads them: what counts
// as missing, and which columns hold numbers.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

class Table {
 public:
  /// Cells in quotes may hold tabs, line breaks and doubled quotes; a quote within a cell is one
  /// like other characters. `name` stands in errors. Throws InputError where a row has more cells
  /// than the header, or the text ends within quotes.
  static Table parse_tsv(std::string_view text, const std::string& name);
  /// The same with commas.
  static Table parse_csv(std::string_view text, const std::string& name);
  /// The same table from its cells' texts; rows as long as `columns`.
  Table(std::vector<std::string> columns, const std::vector<std::vector<std::string>>& rows);

  size_t rows() const { return row_count_; }
  const std::vector<std::string>& columns() const { return columns_; }
  bool has_column(const std::string& column) const { return find_column(column).has_value(); }
  /// null where missing; a number in a column of numbers, true or false in one of these, else a
  /// text. Throws InputError where there is no such column.
  const nlohmann::ordered_json& cell(size_t row, const std::string& column) const;
  /// The cell, or null where there is no such column.
  nlohmann::ordered_json cell_or_null(size_t row, const std::string& column) const;
  /// What the file says there, whatever the column holds. Throws InputError where there is no such
  /// column.
  const std::string& text(size_t row, const std::string& column) const;

 private:
  static Table parse(std::string_view text, char separator, const std::string& name);
  std::optional<size_t> find_column(const std::string& column) const;

  size_t row_count_ = 0;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> texts_;             // by column
  std::vector<std::vector<nlohmann::ordered_json>> cells_;  // by column; null where texts_ do
};

/// Rows by the values of a column, which is looked through once.
class RowFinder {
 public:
  /// `table` outlives it. Throws InputError where there is no such column.
  RowFinder(const Table& table, std::string column);

  /// The one row with this value; in a column of texts a whole number finds its digits. Throws
  /// InputError where there is none, or several.
  size_t row(const nlohmann::ordered_json& value) const;

 private:
  std::string column_;
  std::map<std::string, std::vector<size_t>> rows_;
};

}  // namespace owl3
