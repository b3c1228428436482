// The rows of a training run read as training will read them, before it does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "text/media_lines.h"

namespace owl3 {

struct StreamCheckOptions {
  /// Whether pictures and films are decoded, or their headers looked at.
  bool decode = true;
  int64_t most_rows = 0;  // the first of them; 0: all
  /// This process's share: every world-th row.
  int64_t rank = 0;
  int64_t world = 1;
  size_t most_errors = 20;  // listed; all are counted
  /// Told how many of how many rows are done; false ends the check.
  std::function<bool(int64_t done, int64_t total)> go_on = [](int64_t, int64_t) { return true; };
};

/// What is found in one row.
struct RowCheck {
  std::string error;      // empty: the row is whole
  bool too_long = false;  // for a row of the batch: it will be skipped
  MediaLines media_lines = MediaLines::kNone;
};

struct StreamCheckReport {
  int64_t rows = 0;  // looked at
  int64_t broken = 0;
  int64_t too_long = 0;
  MediaLineCount media_lines;
  bool whole = true;                // false: ended by go_on
  std::vector<std::string> errors;  // "file.jsonl:17: ...", in the order of rows
};

/// Calls `check` for the share of `rows` rows, on several threads.
StreamCheckReport check_rows(int64_t rows, int workers, const StreamCheckOptions& options,
                             const std::function<RowCheck(int64_t row)>& check);

}  // namespace owl3
