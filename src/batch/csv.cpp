#include "batch/csv.h"

#include <algorithm>

#include "core/error.h"

namespace owl3 {

namespace {

std::string_view without_line_end(std::string_view record) {
  if (record.ends_with('\n')) record.remove_suffix(1);
  if (record.ends_with('\r')) record.remove_suffix(1);
  return record;
}

/// A field in quotes, of which two stand for one; `at` is moved behind it.
std::string quoted_field(std::string_view record, size_t& at, const std::string& where) {
  std::string field;
  for (++at; at < record.size(); ++at) {
    if (record[at] == '"' && (at + 1 == record.size() || record[at + 1] != '"')) {
      ++at;
      return field;
    }
    if (record[at] == '"') ++at;
    field += record[at];
  }
  throw InputError(where + ": no CSV: a quote is never closed");
}

std::string plain_field(std::string_view record, size_t& at, const std::string& where) {
  const size_t end = std::min(record.find(',', at), record.size());
  const std::string_view field = record.substr(at, end - at);
  if (field.find('"') != field.npos) {
    throw InputError(where + ": no CSV: a quote stands in a field that has none around it");
  }
  at = end;
  return std::string(field);
}

std::string csv_field(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == field.npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace

size_t csv_record_end(std::string_view text, size_t begin) {
  bool in_quotes = false;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '"') in_quotes = !in_quotes;
    if (text[i] == '\n' && !in_quotes) return i + 1;
  }
  return std::string_view::npos;
}

std::vector<std::string> parse_csv_record(std::string_view record, const std::string& where) {
  record = without_line_end(record);
  std::vector<std::string> fields;
  for (size_t at = 0;; ++at) {
    const bool quoted = at < record.size() && record[at] == '"';
    fields.push_back(quoted ? quoted_field(record, at, where) : plain_field(record, at, where));
    if (at == record.size()) return fields;
    if (record[at] != ',') throw InputError(where + ": no CSV: text stands behind a closed quote");
  }
}

std::string csv_record(const std::vector<std::string>& fields) {
  std::string record;
  for (size_t i = 0; i < fields.size(); ++i) record += (i > 0 ? "," : "") + csv_field(fields[i]);
  return record + "\n";
}

}  // namespace owl3
