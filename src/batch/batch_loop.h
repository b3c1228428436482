// Works that many threads ask about at once, their rows in order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "batch/batch_row.h"
#include "core/error.h"
#include "core/ordered_workers.h"

namespace owl3 {

/// Questions about one item, by their numbers.
struct BatchWork {
  int64_t item = 0;
  std::vector<int64_t> questions;
};

/// How the works of a run come, and where their rows go.
struct BatchCourse {
  std::function<std::optional<BatchWork>()> take;
  std::function<void(const BatchWork& work, const std::vector<BatchRow>& rows)> on_rows;
  std::function<void()> waiting;
};

/// The rows of each work come in the order of the works, all from the calling thread, which calls
/// `waiting` now and then between them. `go_on` and `ask` are called by several threads. Throws
/// Interrupted where go_on() says no, after the rows that were ready in order.
inline void run_course(const BatchCourse& course, int parallel, const std::function<bool()>& go_on,
                       const std::function<std::vector<BatchRow>(const BatchWork& work)>& ask) {
  struct Asked {
    BatchWork work;
    std::vector<BatchRow> rows;
  };
  constexpr std::chrono::milliseconds kPatience(100);
  constexpr size_t kAhead = 4;  // items that wait for a slow one before them, for each at work
  OrderedWorkers<BatchWork, Asked> workers(
      parallel, kAhead * static_cast<size_t>(parallel),
      [&] { return go_on() ? course.take() : std::nullopt; },
      [&](BatchWork work) {
        std::vector<BatchRow> rows = ask(work);
        return Asked{std::move(work), std::move(rows)};
      });
  for (;;) {
    while (!workers.wait_for(kPatience)) course.waiting();
    const std::optional<Asked> asked = workers.next();
    if (!asked) break;
    course.on_rows(asked->work, asked->rows);
    course.waiting();
  }
  if (!go_on()) throw Interrupted("interrupted");
}

}  // namespace owl3
