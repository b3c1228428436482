#include "training_data/row_index.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "training_data/foreign_file.h"
#include "training_data/json_scanner.h"

namespace owl3 {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_space_behind(std::string_view text) {
  const size_t last = text.find_last_not_of(kSpace);
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

}  // namespace

/// One file on its way into an index.
class RowIndexer {
 public:
  RowIndexer(std::string_view text, const std::string& name,
             const std::function<void(size_t)>& passed)
      : text_(text), name_(name), passed_(passed) {}

  RowIndex make() {
    if (const std::string kind = foreign_kind(text_); !kind.empty()) {
      throw InputError(fmt::format("{}: {}", name_, kind));
    }
    const size_t begin = text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    const size_t first = std::min(text_.find_first_not_of(kSpace, begin), text_.size());
    if (text_.substr(first).starts_with('[')) {
      index_list(begin);
    } else if (has_object_alone_in_line(first)) {
      index_objects(begin);
    } else {
      index_lines(begin);
    }
    if (index_.begins_.empty()) throw InputError(fmt::format("{}: the file has no rows", name_));
    return std::move(index_);
  }

 private:
  [[noreturn]] void fail(int64_t line, const std::string& what) const {
    throw InputError(fmt::format("{}:{}: {}", name_, line, what));
  }

  /// "row 17", the one that comes next.
  std::string next_row() const { return fmt::format("row {}", index_.size() + 1); }

  std::string after_last() const {
    return index_.size() == 0 ? "" : fmt::format(" after row {}", index_.size());
  }

  void pass(size_t position) const {
    if (passed_) passed_(position);
  }

  /// Whether the first line is a { and nothing else, as whatever indents JSON writes it.
  bool has_object_alone_in_line(size_t first) const {
    if (!text_.substr(first).starts_with('{')) return false;
    const std::string_view line = text_.substr(first, text_.find('\n', first) - first);
    return without_space_behind(line) == "{";
  }

  void index_lines(size_t begin) {
    while (begin < text_.size()) {
      const size_t end = std::min(text_.find('\n', begin), text_.size());
      const bool blank = without_space_behind(text_.substr(begin, end - begin)).empty();
      if (blank) {
        index_.after_blank_.push_back(index_.size());
      } else {
        index_.begins_.push_back(begin);
      }
      begin = end + 1;
      pass(end);
    }
    index_.end_ = text_.size();
  }

  void add_value(JsonScanner& scanner) {
    const size_t begin = scanner.position();
    const int64_t line = scanner.line();
    if (const std::string mistake = scanner.skip_value(); !mistake.empty()) {
      fail(scanner.at_end() ? line : scanner.line(), fmt::format("{}: {}", next_row(), mistake));
    }
    if (line > std::numeric_limits<uint32_t>::max()) fail(line, "the file has too many lines");
    index_.begins_.push_back(begin);
    index_.lines_.push_back(static_cast<uint32_t>(line));
    index_.end_ = scanner.position();
    pass(scanner.position());
  }

  void index_list(size_t begin) {
    JsonScanner scanner(text_, begin);
    scanner.skip_space();
    scanner.skip_character();
    scanner.skip_space();
    bool goes_on = scanner.at_end() || scanner.peek() != ']';
    while (goes_on && !scanner.at_end()) {
      add_value(scanner);
      scanner.skip_space();
      goes_on = !scanner.at_end() && scanner.peek() == ',';
      if (goes_on) {
        scanner.skip_character();
        scanner.skip_space();
      }
    }
    expect_end_of_list(scanner);
  }

  void expect_end_of_list(JsonScanner& scanner) {
    if (scanner.at_end()) {
      fail(scanner.line(),
           fmt::format("the list's end ] is missing{}: the file was cut off", after_last()));
    }
    if (scanner.peek() != ']') {
      fail(scanner.line(), fmt::format("a comma or the list's end ] is missing{}", after_last()));
    }
    scanner.skip_character();
    scanner.skip_space();
    if (scanner.at_end()) return;
    fail(scanner.line(),
         "more stands behind the list's end ]; a file holds one list of rows (or a row a line)");
  }

  void index_objects(size_t begin) {
    JsonScanner scanner(text_, begin);
    for (scanner.skip_space(); !scanner.at_end(); scanner.skip_space()) {
      if (scanner.peek() != '{') {
        fail(scanner.line(), fmt::format("{} must be an object that begins with {{; rows that are "
                                         "separated by commas belong into a list [...]",
                                         next_row()));
      }
      add_value(scanner);
    }
  }

  std::string_view text_;
  const std::string& name_;
  const std::function<void(size_t)>& passed_;
  RowIndex index_;
};

RowIndex RowIndex::of(std::string_view text, const std::string& name,
                      const std::function<void(size_t)>& passed) {
  return RowIndexer(text, name, passed).make();
}

std::string_view RowIndex::row(std::string_view text, int64_t index) const {
  const auto i = static_cast<size_t>(index);
  const uint64_t begin = begins_.at(i);
  const bool is_last = i + 1 == begins_.size();
  if (has_row_per_line()) {
    const std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }
  std::string_view row = text.substr(begin, (is_last ? end_ : begins_[i + 1]) - begin);
  row = without_space_behind(row);
  if (!is_last && row.ends_with(',')) row = without_space_behind(row.substr(0, row.size() - 1));
  return row;
}

int64_t RowIndex::line(int64_t index) const {
  if (!has_row_per_line()) return lines_.at(static_cast<size_t>(index));
  const auto blanks =
      std::upper_bound(after_blank_.begin(), after_blank_.end(), index) - after_blank_.begin();
  return index + 1 + blanks;
}

}  // namespace owl3
