// Threads that help the one they belong to, and sleep when there is nothing to do.
//
// Work comes in jobs of many small tasks, which owner and helpers take one by one. Between two jobs
// of a decoding step lie microseconds, so a helper looks out for the next one for a moment (waking
// it costs more) and then sleeps. On a machine that others use too, nobody waits for a thread that
// isn't running: the owner ends a job with those helpers that have come to it, and were it none;
// only a helper that was interrupted amid a task is waited for, for a moment awake and then asleep,
// which frees the processor for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace owl3 {

class ThreadTeam {
 public:
  /// Does task number `task` of what `job` points to; throws nothing.
  using RunTask = void (*)(void* job, int64_t task) noexcept;

  /// The calling thread's own; its helpers end with it.
  static ThreadTeam& of_this_thread();

  ThreadTeam() = default;
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;
  ~ThreadTeam();

  /// Runs the tasks 0..tasks-1 on up to `threads` threads, the caller among them, and returns when
  /// all are done. Within a task, on the caller alone. Fewer threads where the system refuses more.
  void run(int threads, int64_t tasks, RunTask run_task, void* job);

 private:
  struct Helper;

  void forget_helpers_of_parent();
  int hire(int helpers);
  void help(Helper& self);
  void take_tasks();
  bool enter();
  void leave();
  void close();

  std::vector<std::unique_ptr<Helper>> helpers_;
  unsigned forks_ = 0;  // of the process, when the helpers were hired

  // The job. Written while the door is shut.
  RunTask run_task_ = nullptr;
  void* job_ = nullptr;
  int64_t tasks_ = 0;
  size_t helpers_wanted_ = 0;  // the first so many

  static constexpr size_t kCacheLine = 64;
  alignas(kCacheLine) std::atomic<int64_t> next_task_{0};
  /// kOpen while there are tasks to take, plus the number of helpers inside.
  alignas(kCacheLine) std::atomic<uint32_t> door_{0};
};

}  // namespace owl3
