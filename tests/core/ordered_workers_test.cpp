#include "core/ordered_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>

namespace owl3 {
namespace {

std::function<std::optional<int>()> count_to(int end, std::atomic<int>& taken) {
  return [&taken, end]() -> std::optional<int> {
    if (taken == end) return std::nullopt;
    return taken++;
  };
}

TEST(OrderedWorkers, KeepTheOrderWhateverTheThreads) {
  for (const int threads : {0, 1, 2, 7}) {
    std::atomic<int> taken = 0;
    OrderedWorkers<int, int> workers(threads, 5, count_to(200, taken), [](int item) {
      if (item % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
      return item * item;
    });
    for (int i = 0; i < 200; ++i) ASSERT_EQ(workers.next(), i * i) << threads;
    EXPECT_EQ(workers.next(), std::nullopt);
    EXPECT_EQ(workers.next(), std::nullopt);
  }
}

TEST(OrderedWorkers, WorkAheadButNotWithoutBound) {
  std::atomic<int> taken = 0;
  OrderedWorkers<int, int> workers(3, 5, count_to(1000, taken), [](int item) { return item; });
  for (int wait = 0; wait < 1000 && taken < 5; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(taken, 5);
  workers.next();
  for (int wait = 0; wait < 1000 && taken < 6; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(taken, 6);
}

TEST(OrderedWorkers, TellWhetherTheNextResultIsThere) {
  constexpr std::chrono::milliseconds kNow{0};
  constexpr std::chrono::milliseconds kLong{10'000};
  std::atomic<int> taken = 0;
  std::promise<void> go_on;
  const std::shared_future<void> may_go_on = go_on.get_future().share();
  OrderedWorkers<int, int> workers(2, 4, count_to(2, taken), [may_go_on](int item) {
    if (item == 0) may_go_on.wait();
    return item;
  });
  EXPECT_FALSE(workers.wait_for(std::chrono::milliseconds(20))) << "the first holds up the second";
  go_on.set_value();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(workers.wait_for(kLong));
    EXPECT_TRUE(workers.wait_for(kNow));
    EXPECT_EQ(workers.next(), i);
  }
  EXPECT_TRUE(workers.wait_for(kLong)) << "the end is there too";
  EXPECT_EQ(workers.next(), std::nullopt);
  OrderedWorkers<int, int> alone(0, 4, count_to(2, taken), [](int item) { return item; });
  EXPECT_TRUE(alone.wait_for(kNow));
}

TEST(OrderedWorkers, AFailureComesInItsPlace) {
  for (const int threads : {0, 1, 4}) {
    std::atomic<int> taken = 0;
    OrderedWorkers<int, int> workers(threads, 8, count_to(100, taken), [](int item) {
      if (item == 20) throw std::runtime_error("twenty");
      return item;
    });
    for (int i = 0; i < 20; ++i) ASSERT_EQ(workers.next(), i);
    EXPECT_THROW(workers.next(), std::runtime_error);
  }
}

TEST(OrderedWorkers, AFailureToTakeComesAfterWhatWasTaken) {
  for (const int threads : {0, 1, 4}) {
    int taken = 0;
    const auto take = [&taken]() -> std::optional<int> {
      if (taken == 10) throw std::runtime_error("ten");
      return taken++;
    };
    OrderedWorkers<int, int> workers(threads, 8, take, [](int item) { return item; });
    for (int i = 0; i < 10; ++i) ASSERT_EQ(workers.next(), i);
    EXPECT_THROW(workers.next(), std::runtime_error);
  }
}

}  // namespace
}  // namespace owl3
