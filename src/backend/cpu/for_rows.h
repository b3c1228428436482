// CpuBackend::for_rows: pointwise work over the rows of a tensor, split into even ranges.
#pragma once

#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "core/threads.h"

namespace owl3 {

template <typename Body>
void CpuBackend::for_rows(int64_t rows, int64_t row_size, const Body& body) const {
  // Below this, waking a thread costs more than the work.
  constexpr int64_t kMinValuesPerTask = 16384;
  const int64_t per_task = std::max<int64_t>(1, kMinValuesPerTask / std::max<int64_t>(1, row_size));
  const int64_t tasks = (rows + per_task - 1) / per_task;
  parallel_for(threads_, tasks,
               [&](int64_t task) { body(task * per_task, std::min(rows, (task + 1) * per_task)); });
}

}  // namespace owl3
