#include "training_data/foreign_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace owl3 {

namespace {

using std::string_view_literals::operator""sv;

struct Kind {
  std::string_view begin;
  std::string_view what;
};
constexpr std::string_view kWriteRows =
    "write its rows as JSONL first, in pandas with to_json(FILE, orient=\"records\", lines=True)";
constexpr std::string_view kUnpack = "unpack it first";
constexpr Kind kTables[] = {
    {"PAR1"sv, "a Parquet file"},
    {"ARROW1"sv, "an Arrow file"},
    {"\xff\xff\xff\xff"sv, "an Arrow stream"},
    {"SQLite format 3"sv, "an SQLite database"},
    {"\x80\x02"sv, "a Python pickle"},
    {"\x80\x04"sv, "a Python pickle"},
    {"\x80\x05"sv, "a Python pickle"},
};
constexpr Kind kPacked[] = {
    {"\x1f\x8b"sv, "packed with gzip"},  {"\x28\xb5\x2f\xfd"sv, "packed with zstd"},
    {"\xfd\x37zXZ"sv, "packed with xz"}, {"BZh"sv, "packed with bzip2"},
    {"PK\x03\x04"sv, "a ZIP file"},      {"7z\xbc\xaf"sv, "a 7z file"},
};

bool is_tar(std::string_view text) {
  constexpr size_t kMagicAt = 257;
  return text.substr(std::min(kMagicAt, text.size())).starts_with("ustar");
}

/// Text of two bytes a character, with a mark in front or without: a quote or bracket and a zero.
bool is_utf16(std::string_view text) {
  if (text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv)) return true;
  constexpr std::string_view kFirst = "{[\r\n ";
  if (text.size() < 2) return false;
  const bool little = text[1] == '\0' && kFirst.find(text[0]) != kFirst.npos;
  const bool big = text[0] == '\0' && kFirst.find(text[1]) != kFirst.npos;
  return little || big;
}

/// Whether none of the first lines begins as a row or a list of rows does. One broken line does
/// not make another kind of file.
bool has_no_json(std::string_view text) {
  constexpr int kLines = 3;
  constexpr std::string_view kSpace = " \t\r\n";
  for (int i = 0; i < kLines; ++i) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) return i > 0;
    if (text[0] == '{' || text[0] == '[') return false;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
  return true;
}

}  // namespace

std::string foreign_kind(std::string_view text) {
  for (const Kind& kind : kTables) {
    if (text.starts_with(kind.begin)) return fmt::format("{}; {}", kind.what, kWriteRows);
  }
  for (const Kind& kind : kPacked) {
    if (text.starts_with(kind.begin)) return fmt::format("{}; {}", kind.what, kUnpack);
  }
  if (is_utf16(text)) return "in UTF-16; save it in UTF-8";
  if (text.starts_with("version https://git-lfs")) {
    return "a Git LFS pointer, not the rows; run `git lfs pull` where it came from";
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (has_no_json(text)) {
    if (is_tar(text)) return fmt::format("a tar archive; {}", kUnpack);
    return fmt::format(
        "not JSON: it begins neither with an object {{ nor with a list [; if it is a "
        "table (CSV), {}",
        kWriteRows);
  }
  return {};
}

}  // namespace owl3
