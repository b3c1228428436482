// Work split over threads. Results must not depend on how many there are: a task's outcome may
// depend on its index only.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>

#include "core/thread_team.h"

namespace owl3 {

/// Threads that may well work here: those of the calling thread's ThreadLimit, else
/// OMP_NUM_THREADS, else the processors that affinity and quota allow (available_cpus()).
int available_threads();

/// Throws UsageError unless a caller may ask for so many: 0 (what affinity and CPU quota allow) to
/// 1024.
void check_threads(int threads);

/// While it lives, available_threads() is `threads` for the thread that made it: a worker among
/// many takes no more than its share.
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads);
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;
  ~ThreadLimit();

 private:
  int outer_;
};

/// Calls body(task) for every task in 0..tasks-1 on up to `threads` threads, in no particular
/// order; within a body, on the caller alone. An exception of any task is rethrown to the caller
/// after all have been run.
template <typename Body>
void parallel_for(int threads, int64_t tasks, const Body& body) {
  if (threads <= 1 || tasks <= 1) {
    for (int64_t task = 0; task < tasks; ++task) body(task);
    return;
  }
  struct Job {
    const Body& body;
    std::atomic_flag failed = {};
    std::exception_ptr failure = {};
  } job{body};
  const auto run_task = [](void* context, int64_t task) noexcept {
    auto& it = *static_cast<Job*>(context);
    try {
      it.body(task);
    } catch (...) {
      if (!it.failed.test_and_set()) it.failure = std::current_exception();
    }
  };
  ThreadTeam::of_this_thread().run(threads, tasks, run_task, &job);
  if (job.failure) std::rethrow_exception(job.failure);
}

}  // namespace owl3
