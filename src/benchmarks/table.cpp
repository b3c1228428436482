#include "benchmarks/table.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <utility>

#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;
using Texts = std::vector<std::string>;

bool is_missing(std::string_view text) {
  constexpr std::string_view kMissing[] = {
      "",        "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND",
      "1.#QNAN", "<NA>", "N/A",      "NA",  "NULL",    "NaN",      "n/a",  "nan",  "null"};
  return std::find(std::begin(kMissing), std::end(kMissing), text) != std::end(kMissing);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) return std::nullopt;
  }
  Number number{};
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || text.empty()) return std::nullopt;
  return number;
}

std::optional<double> float_of(std::string_view text) {
  const std::string_view plain = trimmed(text);
  // from_chars reads "nan(...)" too, which stands for nothing here.
  if (plain.find('n') != std::string_view::npos && plain.find('(') != std::string_view::npos) {
    return std::nullopt;
  }
  return number_of<double>(text);
}

std::optional<bool> bool_of(std::string_view text) {
  if (text == "True" || text == "TRUE" || text == "true") return true;
  if (text == "False" || text == "FALSE" || text == "false") return false;
  return std::nullopt;
}

/// A column's cells where each that is not missing is of one kind; nothing otherwise.
template <typename Convert>
std::optional<std::vector<Json>> converted(const Texts& texts, const Convert& convert) {
  std::vector<Json> cells;
  for (const std::string& text : texts) {
    if (is_missing(text)) {
      cells.emplace_back(nullptr);
      continue;
    }
    const auto value = convert(text);
    if (!value) return std::nullopt;
    cells.emplace_back(*value);
  }
  return cells;
}

std::vector<Json> column_of(const Texts& texts) {
  const bool whole = std::none_of(texts.begin(), texts.end(), is_missing);
  if (whole) {
    if (auto cells = converted(texts, number_of<int64_t>)) return *cells;
  }
  if (auto cells = converted(texts, float_of)) return *cells;
  if (auto cells = converted(texts, bool_of)) return *cells;
  return *converted(texts, [](const std::string& text) { return std::optional(text); });
}

/// Of a place in a text, counted from 1.
size_t line_at(std::string_view text, size_t place) {
  size_t line = 1;
  for (size_t i = 0; i < place; ++i) {
    const bool alone = text[i] == '\r' && i + 1 < text.size() && text[i + 1] != '\n';
    if (text[i] == '\n' || alone) ++line;
  }
  return line;
}

/// Cuts a text into rows of cells.
class CellReader {
 public:
  CellReader(std::string_view text, char separator, const std::string& name)
      : text_(text), separator_(separator), name_(name) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  /// The next row that is not an empty line; nothing at the end.
  std::optional<Texts> next() {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
    if (at_ == text_.size()) return std::nullopt;
    Texts row;
    do {
      row.push_back(cell());
    } while (take(separator_));
    return row;  // what ends the line is an empty line to the next row
  }

 private:
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string cell() {
    std::string cell;
    if (take('"')) cell = quoted();
    while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' &&
           text_[at_] != '\r') {
      cell += text_[at_++];
    }
    return cell;
  }

  /// What stands up to the closing quote. Without one it would swallow all other rows.
  std::string quoted() {
    const size_t opened = at_ - 1;
    std::string cell;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"' && !take('"')) return cell;
      cell += c;
    }
    throw InputError(fmt::format("{}:{}: a cell begins with a quote that is never closed", name_,
                                 line_at(text_, opened)));
  }

  std::string_view text_;
  char separator_;
  const std::string& name_;
  size_t at_ = 0;
};

}  // namespace

Table Table::parse_tsv(std::string_view text, const std::string& name) {
  return parse(text, '\t', name);
}

Table Table::parse_csv(std::string_view text, const std::string& name) {
  return parse(text, ',', name);
}

Table Table::parse(std::string_view text, char separator, const std::string& name) {
  CellReader reader(text, separator, name);
  auto columns = reader.next();
  if (!columns) throw InputError(fmt::format("{}: is empty, where a table should be", name));
  std::vector<Texts> rows;
  while (auto row = reader.next()) {
    if (row->size() > columns->size()) {
      throw InputError(fmt::format("{}: row {} has {} cells, but the header has {}", name,
                                   rows.size() + 1, row->size(), columns->size()));
    }
    row->resize(columns->size());
    rows.push_back(std::move(*row));
  }
  return {std::move(*columns), rows};
}

Table::Table(std::vector<std::string> columns, const std::vector<std::vector<std::string>>& rows)
    : row_count_(rows.size()), columns_(std::move(columns)) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    Texts texts;
    for (const Texts& row : rows) texts.push_back(row.at(i));
    cells_.push_back(column_of(texts));
    texts_.push_back(std::move(texts));
  }
}

std::optional<size_t> Table::find_column(const std::string& column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<size_t>(found - columns_.begin());
}

const Json& Table::cell(size_t row, const std::string& column) const {
  const auto place = find_column(column);
  if (!place) throw InputError(fmt::format("the table has no column \"{}\"", column));
  return cells_[*place].at(row);
}

Json Table::cell_or_null(size_t row, const std::string& column) const {
  return has_column(column) ? cell(row, column) : Json(nullptr);
}

const std::string& Table::text(size_t row, const std::string& column) const {
  const auto place = find_column(column);
  if (!place) throw InputError(fmt::format("the table has no column \"{}\"", column));
  return texts_[*place].at(row);
}

namespace {

/// The same for equal values: 1 is 1.0.
std::string key_of(const Json& value) {
  return value.is_number() ? fmt::format("{}", value.get<double>()) : value.dump();
}

}  // namespace

RowFinder::RowFinder(const Table& table, std::string column) : column_(std::move(column)) {
  for (size_t row = 0; row < table.rows(); ++row) {
    rows_[key_of(table.cell(row, column_))].push_back(row);
  }
}

size_t RowFinder::row(const Json& value) const {
  auto found = rows_.find(key_of(value));
  if (found == rows_.end() && value.is_number_integer()) {
    found = rows_.find(key_of(value.dump()));  // one cell that is no number makes texts of all
  }
  if (found == rows_.end()) {
    throw InputError(fmt::format("the table has no row with {} {}", column_, value.dump()));
  }
  if (found->second.size() > 1) {
    throw InputError(fmt::format("the table has two rows with {} {}", column_, value.dump()));
  }
  return found->second.front();
}

}  // namespace owl3
