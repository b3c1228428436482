#include "core/threads.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cstdlib>
#include <vector>

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

TEST(Threads, AreAsManyAsWereSetAndOtherwiseAsThereAreCores) {
  const int all = available_threads();
  cpu_set_t cores;
  ASSERT_EQ(::sched_getaffinity(0, sizeof cores, &cores), 0);
  const bool told = std::getenv("OMP_NUM_THREADS") != nullptr;
  EXPECT_TRUE(told || all == CPU_COUNT(&cores)) << all;
  set_library_threads(all + 3);
  EXPECT_EQ(available_threads(), all + 3);
  set_library_threads(all);
}

}  // namespace
}  // namespace owl3
