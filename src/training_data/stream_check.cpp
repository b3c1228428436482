#include "training_data/stream_check.h"

#include <algorithm>
#include <optional>

#include "core/ordered_workers.h"

namespace owl3 {

StreamCheckReport check_rows(int64_t rows, int workers, const StreamCheckOptions& options,
                             const std::function<RowCheck(int64_t row)>& check) {
  constexpr size_t kRowsAhead = 64;
  if (options.most_rows > 0) rows = std::min(rows, options.most_rows);
  const int64_t share = (rows - options.rank + options.world - 1) / options.world;
  int64_t next = 0;
  const auto take = [&]() -> std::optional<int64_t> {
    if (next >= share) return std::nullopt;
    return options.rank + options.world * next++;
  };
  OrderedWorkers<int64_t, RowCheck> checks(workers, kRowsAhead, take, check);
  StreamCheckReport report;
  while (const std::optional<RowCheck> row = checks.next()) {
    report.rows += 1;
    report.too_long += row->too_long ? 1 : 0;
    report.media_lines.add(row->media_lines);
    report.broken += row->error.empty() ? 0 : 1;
    if (!row->error.empty() && report.errors.size() < options.most_errors) {
      report.errors.push_back(row->error);
    }
    report.whole = options.go_on(report.rows, share) || report.rows == share;
    if (!report.whole) break;
  }
  return report;
}

}  // namespace owl3
