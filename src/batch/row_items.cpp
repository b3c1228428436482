#include "batch/row_items.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "batch/csv.h"
#include "batch/item_checksum.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "media/image_kinds.h"
#include "text/utf8.h"
#include "training_data/media_reader.h"
#include "training_data/row_file.h"
#include "training_data/sample_rows.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Rows with their media, whatever kind of file they stand in.
class RowItems : public BatchInput {
 public:
  RowItems(fs::path path, RowColumns columns)
      : path_(std::move(path)), columns_(std::move(columns)) {}

  bool has_rows() const override { return true; }

  BatchItem item(int64_t index) const override {
    BatchItem item;
    item.row = row(index);
    try {
      add_media(item, columns_.image, false);
      add_media(item, columns_.video, true);
    } catch (const InputError& error) {
      item.error = error.what();
    }
    if (item.media.empty() && item.error.empty()) {
      item.error = fmt::format("{}: nothing to look at: no \"{}\" and no \"{}\"", where(index),
                               columns_.image, columns_.video);
    }
    if (item.name.size() == 1) item.name = Json(item.name.front());
    return item;
  }

 protected:
  virtual Json row(int64_t index) const = 0;
  virtual std::string where(int64_t index) const = 0;
  const fs::path& path() const { return path_; }
  std::string checksum_with(std::span<const std::byte> content) const {
    return item_checksum(content) + " " + columns_.image + " " + columns_.video;
  }

 private:
  void add_media(BatchItem& item, const std::string& column, bool is_video) const {
    const auto value = item.row.find(column);
    if (value == item.row.end() || value->is_null()) return;
    const Json list = value->is_array() ? *value : Json::array({*value});
    for (const Json& one : list) {
      if (!one.is_string()) {
        throw InputError(fmt::format("\"{}\" is no path and no list of paths", column));
      }
      const auto text = one.get<std::string>();
      if (text.empty()) continue;
      item.name.push_back(is_inline_medium(text) ? "data:" : text);
      item.media.push_back({is_video, resolve_medium(text, path_.parent_path())});
    }
  }

  fs::path path_;
  RowColumns columns_;
};

class JsonItems : public RowItems {
 public:
  JsonItems(const fs::path& path, const RowColumns& columns)
      : RowItems(path, columns), file_(RowFile::open(path)) {}

  int64_t size() const override { return file_.size(); }
  std::string checksum() const override { return checksum_with(file_.content()); }

 private:
  Json row(int64_t index) const override {
    const std::string_view text = file_.row(index);
    const nlohmann::json checked = parse_row(text, where(index));
    Json row = Json::parse(text, nullptr, false);  // with its columns in their order
    if (row.is_discarded()) row = checked;         // Python's NaN is none of JSON's
    if (!row.is_object()) throw InputError(where(index) + ": is no JSON object");
    return row;
  }
  std::string where(int64_t index) const override { return file_.where(index); }

  RowFile file_;
};

class CsvItems : public RowItems {
 public:
  CsvItems(const fs::path& path, const RowColumns& columns)
      : RowItems(path, columns), file_(MappedFile::open(path)) {
    const std::string_view content = text();
    if (const size_t invalid = find_invalid_utf8(content); invalid != content.npos) {
      throw InputError(fmt::format("{}: byte {} is not UTF-8 text", path.string(), invalid + 1));
    }
    index_records();
  }

  int64_t size() const override { return std::ssize(begins_); }
  std::string checksum() const override { return checksum_with(file_->bytes()); }

 private:
  std::string_view text() const {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    std::string_view text(reinterpret_cast<const char*>(file_->bytes().data()),
                          file_->bytes().size());
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    return text;
  }

  std::string_view record(size_t begin) const {
    const size_t end = csv_record_end(text(), begin);
    return text().substr(begin, end == std::string_view::npos ? end : end - begin);
  }

  void index_records() {
    int64_t line = 1;
    for (size_t begin = 0; begin < text().size();) {
      const std::string_view text_of = record(begin);
      const bool is_blank = text_of.find_first_not_of("\r\n") == text_of.npos;
      if (!is_blank) take(text_of, begin, fmt::format("{}:{}", path().string(), line));
      if (!is_blank) lines_.push_back(line);
      line += std::count(text_of.begin(), text_of.end(), '\n');
      begin += text_of.size();
    }
    if (begins_.empty()) throw InputError(path().string() + ": has no rows below its header");
    lines_.erase(lines_.begin());  // that of the header
  }

  void take(std::string_view text_of, size_t begin, const std::string& where) {
    std::vector<std::string> fields = parse_csv_record(text_of, where);
    if (names_.empty()) {
      names_ = std::move(fields);
      if (std::set<std::string>(names_.begin(), names_.end()).size() != names_.size()) {
        throw InputError(where + ": two columns have the same name");
      }
      return;
    }
    if (fields.size() != names_.size()) {
      throw InputError(fmt::format("{}: has {} fields, but the header names {} columns", where,
                                   fields.size(), names_.size()));
    }
    begins_.push_back(begin);
  }

  Json row(int64_t index) const override {
    const std::vector<std::string> fields =
        parse_csv_record(record(begins_.at(static_cast<size_t>(index))), where(index));
    Json row = Json::object();
    for (size_t i = 0; i < names_.size(); ++i) row[names_[i]] = fields[i];
    return row;
  }
  std::string where(int64_t index) const override {
    return fmt::format("{}:{}", path().string(), lines_.at(static_cast<size_t>(index)));
  }

  std::shared_ptr<const MappedFile> file_;
  std::vector<std::string> names_;
  std::vector<size_t> begins_;
  std::vector<int64_t> lines_;
};

}  // namespace

std::unique_ptr<BatchInput> items_of_rows(const fs::path& path, const RowColumns& columns) {
  if (lower_case(path.extension().string()) == ".csv") {
    return std::make_unique<CsvItems>(path, columns);
  }
  return std::make_unique<JsonItems>(path, columns);
}

}  // namespace owl3
