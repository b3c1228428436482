// Where the rows of a training file begin: a JSON object a line (JSONL), the elements of one JSON
// list, or indented objects one after another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

class RowIndex {
 public:
  /// Passes once over `text`, the file's content, and says to `passed` where it is, so that a file
  /// larger than memory can be let go of behind. `name` is the file's. Throws InputError when there
  /// is no row, for a file of another kind, and for a list whose elements can't be told apart,
  /// with the line and the row. What is wrong inside a row is not looked for.
  static RowIndex of(std::string_view text, const std::string& name,
                     const std::function<void(size_t)>& passed = {});

  int64_t size() const { return static_cast<int64_t>(begins_.size()); }
  /// The row, without line end or comma; `text` is the file's content.
  std::string_view row(std::string_view text, int64_t index) const;
  /// The line that the row begins in, from 1, as an editor counts.
  int64_t line(int64_t index) const;
  /// Whether every row is a line of its own, so that its line says which it is.
  bool has_row_per_line() const { return lines_.empty(); }

 private:
  friend class RowIndexer;

  std::vector<uint64_t> begins_;
  uint64_t end_ = 0;                  // behind the last row
  std::vector<int64_t> after_blank_;  // JSONL: the index of the row after each blank line
  std::vector<uint32_t> lines_;       // else: the line of each row
};

}  // namespace owl3
