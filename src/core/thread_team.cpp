#include "core/thread_team.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>

namespace owl3 {
namespace {

using Clock = std::chrono::steady_clock;

// How long to look out before falling asleep. Much longer than what lies between two jobs of a
// decoding step, and than a task; much shorter than the slice of time that another process gets of
// a processor (docs/benchmarks.md, "A machine shared with others").
constexpr auto kLookOut = std::chrono::microseconds(100);

constexpr uint32_t kOpen = uint32_t{1} << 31;

/// Tells the processor that this thread only waits.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for a value that isn't `old`, awake for a moment, then asleep; returns it.
uint32_t wait_for_change(const std::atomic<uint32_t>& value, uint32_t old) {
  constexpr int kLooksPerTime = 16;  // reading the clock takes as long as some looks
  const auto end = Clock::now() + kLookOut;
  do {
    for (int look = 0; look < kLooksPerTime; ++look) {
      const uint32_t now = value.load(std::memory_order_acquire);
      if (now != old) return now;
      relax();
    }
  } while (Clock::now() < end);
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

/// How often this process, or one it came from, was forked: a child has none of the threads.
std::atomic<unsigned>& fork_count() {
  static std::atomic<unsigned> count{0};
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++count; });
  static_cast<void>(registered);
  return count;
}

thread_local bool t_in_task = false;

}  // namespace

struct ThreadTeam::Helper {
  explicit Helper(size_t place) : number(place) {}

  const size_t number;
  std::atomic<uint32_t> calls{0};  // counts up with every job this helper is called to
  std::atomic<bool> dismissed{false};
  std::thread thread;
};

ThreadTeam& ThreadTeam::of_this_thread() {
  thread_local ThreadTeam team;
  return team;
}

ThreadTeam::~ThreadTeam() {
  forget_helpers_of_parent();
  for (const auto& helper : helpers_) {
    helper->dismissed = true;
    ++helper->calls;
    helper->calls.notify_one();
  }
  for (const auto& helper : helpers_) helper->thread.join();
}

void ThreadTeam::run(int threads, int64_t tasks, RunTask run_task, void* job) {
  const auto wanted = static_cast<int>(std::min<int64_t>(threads, tasks)) - 1;
  const int helpers = wanted > 0 && !t_in_task ? hire(wanted) : 0;
  if (helpers == 0) {
    for (int64_t task = 0; task < tasks; ++task) run_task(job, task);
    return;
  }
  run_task_ = run_task;
  job_ = job;
  tasks_ = tasks;
  helpers_wanted_ = static_cast<size_t>(helpers);
  next_task_.store(0, std::memory_order_relaxed);
  door_.store(kOpen, std::memory_order_release);
  for (size_t i = 0; i < helpers_wanted_; ++i) {
    ++helpers_[i]->calls;
    helpers_[i]->calls.notify_one();
  }
  take_tasks();
  close();
}

/// Helpers are the parent's after a fork: their objects are let go, since no thread ends them.
void ThreadTeam::forget_helpers_of_parent() {
  const unsigned forks = fork_count().load(std::memory_order_relaxed);
  if (forks == forks_) return;
  for (auto& helper : helpers_) static_cast<void>(helper.release());
  helpers_.clear();
  forks_ = forks;
}

/// Makes sure of so many helpers; returns how many there are, if fewer.
int ThreadTeam::hire(int helpers) {
  forget_helpers_of_parent();
  const auto wanted = static_cast<size_t>(helpers);
  try {
    helpers_.reserve(wanted);
    while (helpers_.size() < wanted) {
      auto helper = std::make_unique<Helper>(helpers_.size());
      helper->thread = std::thread([this, self = helper.get()] { help(*self); });
      helpers_.push_back(std::move(helper));
    }
  } catch (const std::system_error&) {  // no more threads for this process
  } catch (const std::bad_alloc&) {
  }
  return static_cast<int>(std::min(helpers_.size(), wanted));
}

void ThreadTeam::help(Helper& self) {
  for (uint32_t call = 0;;) {
    call = wait_for_change(self.calls, call);
    if (self.dismissed) return;
    if (!enter()) continue;
    // Called to an earlier job, it may have come to one that wants fewer.
    if (self.number < helpers_wanted_) take_tasks();
    leave();
  }
}

void ThreadTeam::take_tasks() {
  t_in_task = true;
  for (;;) {
    const int64_t task = next_task_.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks_) break;
    run_task_(job_, task);
  }
  t_in_task = false;
}

bool ThreadTeam::enter() {
  uint32_t door = door_.load(std::memory_order_relaxed);
  while ((door & kOpen) != 0) {
    if (door_.compare_exchange_weak(door, door + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

void ThreadTeam::leave() {
  // The last one out of a shut door tells the owner, who may have fallen asleep.
  if (door_.fetch_sub(1, std::memory_order_acq_rel) == 1) door_.notify_one();
}

/// Lets no more helpers in and waits for those inside.
void ThreadTeam::close() {
  uint32_t inside = door_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  while (inside > 0) inside = wait_for_change(door_, inside);
}

}  // namespace owl3
