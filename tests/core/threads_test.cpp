#include "core/threads.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/available_cpus.h"
#include "core/error.h"

namespace owl3 {
namespace {

TEST(ParallelFor, RunsEveryTaskOnce) {
  for (const int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> runs(1000);
    parallel_for(threads, 1000, [&](int64_t task) { ++runs[static_cast<size_t>(task)]; });
    for (const auto& count : runs) ASSERT_EQ(count, 1);
  }
}

TEST(ParallelFor, DoesNothingWithoutTasks) {
  parallel_for(4, 0, [](int64_t) { FAIL(); });
}

TEST(ParallelFor, HandsATasksExceptionToTheCaller) {
  for (const int threads : {1, 4}) {
    const auto fail_at_7 = [](int64_t task) {
      if (task == 7) throw InputError("task 7");
    };
    EXPECT_THROW(parallel_for(threads, 100, fail_at_7), InputError);
  }
}

TEST(ParallelFor, SurvivesAnExceptionInEveryTask) {
  EXPECT_THROW(parallel_for(4, 100, [](int64_t) { throw UsageError("all"); }), UsageError);
}

TEST(ParallelFor, GivesATaskWithinATaskToItsOwnThread) {
  std::atomic<int> elsewhere = 0;
  parallel_for(4, 16, [&](int64_t) {
    const auto outer = std::this_thread::get_id();
    parallel_for(4, 16, [&](int64_t) { elsewhere += std::this_thread::get_id() != outer; });
  });
  EXPECT_EQ(elsewhere, 0);
}

TEST(ParallelFor, RunsOnNoMoreThreadsThanItMayNorThanThereAreTasks) {
  for (const auto& [threads, tasks] : {std::pair(3, 200), std::pair(64, 2)}) {
    std::mutex mutex;
    std::set<std::thread::id> seen;
    parallel_for(threads, tasks, [&](int64_t) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
    EXPECT_LE(seen.size(), static_cast<size_t>(std::min(threads, tasks)));
  }
}

TEST(ParallelFor, ServesSeveralThreadsAtOnce) {
  std::vector<std::jthread> callers;
  std::atomic<int64_t> sum = 0;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, threads = caller + 1] {
      for (int job = 0; job < 200; ++job) {
        parallel_for(threads, 50, [&](int64_t task) { sum += task; });
      }
    });
  }
  callers.clear();
  EXPECT_EQ(sum, 4 * 200 * (49 * 50 / 2));
}

TEST(ParallelFor, SeesWhatWasWrittenInAndBeforeEarlierJobs) {
  std::vector<int64_t> values(64);  // plain: a thread sanitizer watches
  for (int64_t job = 1; job <= 2000; ++job) {
    const int64_t before = job - 1;
    parallel_for(3, 64, [&](int64_t task) {
      auto& value = values[static_cast<size_t>((task + job) % 64)];
      if (value == before) value = job;
    });
  }
  for (const int64_t value : values) EXPECT_EQ(value, 2000);
}

TEST(ParallelFor, WorksInAForkedChildWhoseParentUsedIt) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer lets no child of many threads have threads";
#endif
  parallel_for(3, 100, [](int64_t) {});
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(20);  // rather than wait for ever
    std::atomic<int> runs = 0;
    parallel_for(3, 100, [&](int64_t) { ++runs; });
    ::_exit(runs == 100 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

double processor_seconds() {
  timespec time = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(ParallelFor, LeavesThreadsThatSleep) {
  parallel_for(4, 100, [](int64_t) { std::this_thread::sleep_for(std::chrono::microseconds(50)); });
  const double before = processor_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(processor_seconds() - before, 0.03);
}

TEST(ParallelFor, SleepsWhileAHelperIsLongAtATask) {
  const double before = processor_seconds();
  for (int job = 0; job < 3; ++job) {
    parallel_for(2, 2, [](int64_t task) {
      std::this_thread::sleep_for(std::chrono::milliseconds(task == 0 ? 1 : 100));
    });
  }
  EXPECT_LT(processor_seconds() - before, 0.03);
}

int threads_of_this_process() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return static_cast<int>(std::distance(begin(threads), end(threads)));
}

TEST(ParallelFor, EndsItsThreadsWithTheThreadThatCalled) {
  std::thread([] {}).join();  // ThreadSanitizer begins a thread of its own with the first
  const int before = threads_of_this_process();
  std::thread([&] {
    parallel_for(4, 100, [](int64_t) {});
    EXPECT_GE(threads_of_this_process(), before + 1);
  }).join();
  EXPECT_LE(threads_of_this_process(), before);
}

/// The value of an environment variable during a test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    if (value != nullptr) {
      ::setenv(name, value, 1);
    } else {
      ::unsetenv(name);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    if (old_) {
      ::setenv(name_, old_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(Threads, AreThoseOfAffinityAndQuota) {
  const Environment none("OMP_NUM_THREADS", nullptr);
  EXPECT_EQ(available_threads(), available_cpus());
}

TEST(Threads, AreAsManyAsTheEnvironmentSays) {
  for (const auto& [value, threads] : {std::pair("7", 7), std::pair(" 5,2", 5)}) {
    const Environment told("OMP_NUM_THREADS", value);
    EXPECT_EQ(available_threads(), threads) << value;
  }
  for (const char* value : {"", "0", "-3", "many", "3x", "99999999999"}) {
    const Environment told("OMP_NUM_THREADS", value);
    EXPECT_EQ(available_threads(), available_cpus()) << value;
  }
}

TEST(Threads, AreLimitedForTheThreadThatSaysSo) {
  const int all = available_threads();
  {
    const ThreadLimit three(all + 3);
    EXPECT_EQ(available_threads(), all + 3);
    {
      const ThreadLimit one(1);
      EXPECT_EQ(available_threads(), 1);
    }
    EXPECT_EQ(available_threads(), all + 3);
    std::thread([all] { EXPECT_EQ(available_threads(), all); }).join();
  }
  EXPECT_EQ(available_threads(), all);
}

}  // namespace
}  // namespace owl3
