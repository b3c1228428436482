// Tables as CSV (RFC 4180): fields with commas between, in quotes where they need them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

/// Behind the line end of the record that begins at `begin`; npos where the text ends before it.
size_t csv_record_end(std::string_view text, size_t begin);

/// The fields of a record, with or without its line end. Throws InputError "<where>: ...".
std::vector<std::string> parse_csv_record(std::string_view record, const std::string& where);

/// The record, with its line end.
std::string csv_record(const std::vector<std::string>& fields);

}  // namespace owl3
