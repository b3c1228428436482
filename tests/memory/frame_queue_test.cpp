// What is looked at when frames come faster than they are taken.
#include "memory/frame_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace owl3 {
namespace {

using std::chrono::milliseconds;

/// A source of a frame a second and a model that takes its time, on a clock of their own.
class Pace {
 public:
  explicit Pace(bool skips) : queue_(skips, [this] { return now_; }) {}

  /// So many seconds; returns the numbers of the frames taken.
  std::vector<int64_t> run(int64_t seconds, milliseconds taking) {
    std::vector<int64_t> taken;
    for (int64_t second = 0; second < seconds; ++second) {
      if (queue_.wants(number_)) queue_.put({number_, static_cast<double>(number_), {}});
      ++number_;
      const auto end = now_ + milliseconds(1000);
      while (free_at_ < end && (is_busy_ || queue_.has_frames())) {
        now_ = std::max(now_, free_at_);
        if (std::exchange(is_busy_, false)) {
          queue_.finished();
          continue;
        }
        taken.push_back(queue_.take()->number);
        is_busy_ = true;
        free_at_ = now_ + taking;
      }
      now_ = end;
    }
    return taken;
  }
  FrameQueue& queue() { return queue_; }

 private:
  FrameQueue::Clock::time_point now_{};
  FrameQueue::Clock::time_point free_at_{};
  int64_t number_ = 0;
  bool is_busy_ = false;
  FrameQueue queue_;
};

TEST(FrameQueue, LeavesNothingOutWhileTheModelKeepsPace) {
  Pace pace(true);
  const std::vector<int64_t> taken = pace.run(200, milliseconds(900));
  EXPECT_EQ(taken.size(), 200u);
  EXPECT_EQ(pace.queue().stride(), 1);
  EXPECT_EQ(pace.queue().skipped(), 0);
}

TEST(FrameQueue, LeavesOutEvenlyWhatTheModelHasNoTimeFor) {
  Pace pace(true);
  pace.run(100, milliseconds(3500));
  EXPECT_EQ(pace.queue().stride(), 4);
  const std::vector<int64_t> taken = pace.run(200, milliseconds(3500));
  for (size_t i = 1; i < taken.size(); ++i) EXPECT_EQ(taken[i] - taken[i - 1], 4) << i;
  EXPECT_NEAR(static_cast<double>(taken.size()), 50, 2);
}

TEST(FrameQueue, LooksAtAllAgainWhenThereIsTime) {
  Pace pace(true);
  pace.run(100, milliseconds(3500));
  pace.run(100, milliseconds(100));
  EXPECT_EQ(pace.queue().stride(), 1);
}

TEST(FrameQueue, WithoutSkippingTheSourceWaits) {
  FrameQueue queue(false);
  std::atomic<int64_t> put = 0;
  std::thread source([&] {
    for (int64_t number = 0; number < 30; ++number) {
      ASSERT_TRUE(queue.wants(number));
      queue.put({number, 0, {}});
      ++put;
    }
    queue.close(false);
  });
  while (put < static_cast<int64_t>(FrameQueue::kMostWaiting)) std::this_thread::yield();
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(put, static_cast<int64_t>(FrameQueue::kMostWaiting));
  int64_t expected = 0;
  while (const auto frame = queue.take()) EXPECT_EQ(frame->number, expected++);
  EXPECT_EQ(expected, 30);
  source.join();
}

TEST(FrameQueue, ClosedItGivesWhatWaitsOrNothing) {
  for (const bool drop : {false, true}) {
    FrameQueue queue(true);
    queue.wants(0);
    queue.put({0, 0, {}});
    queue.close(drop);
    EXPECT_FALSE(queue.put({1, 0, {}}));
    EXPECT_EQ(queue.take().has_value(), !drop);
    EXPECT_FALSE(queue.take().has_value());
  }
}

}  // namespace
}  // namespace owl3
