// Work split over threads. Results must not depend on how many there are: a task's outcome may
// depend on its index only.
#pragma once

#include <cstdint>
#include <exception>

namespace owl3 {

/// Cores this process may run on (respects CPU affinity and OMP_NUM_THREADS).
int available_threads();

/// Throws UsageError unless a caller may ask for so many: 0 (all cores) to 1024.
void check_threads(int threads);

/// How many threads libraries with OpenMP of their own (oneDNN) use when this thread calls them.
/// available_threads() then returns this number.
void set_library_threads(int threads);

/// Calls body(task) for every task in 0..tasks-1 on up to `threads` OpenMP threads, in no
/// particular order. An exception of any task is rethrown to the caller after all have stopped.
/// Built without OpenMP (the fuzz targets), the tasks run one after the other.
template <typename Body>
void parallel_for(int threads, int64_t tasks, const Body& body) {
  if (threads <= 1 || tasks <= 1) {
    for (int64_t task = 0; task < tasks; ++task) body(task);
    return;
  }
  std::exception_ptr failure;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
#endif
  for (int64_t task = 0; task < tasks; ++task) {
    try {
      body(task);
    } catch (...) {
#ifdef _OPENMP
#pragma omp critical(owl3_parallel_for)
#endif
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace owl3
