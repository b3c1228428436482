// Frames between a source that doesn't wait and a model that takes its time. When they come faster
// than they are taken, every second one is left out, or three of four, ...: what is looked at stays
// evenly spread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "memory/image_encoder.h"

namespace owl3 {

class FrameQueue {
 public:
  using Clock = std::chrono::steady_clock;

  struct Frame {
    int64_t number = 0;  // among those at the rate that was asked for
    double seconds = 0;
    KeyedImage image;
  };

  /// What waits, at most.
  static constexpr size_t kMostWaiting = 8;

  /// Without `skips` nothing is left out: put() waits for room.
  explicit FrameQueue(bool skips, std::function<Clock::time_point()> now = &Clock::now)
      : skips_(skips), now_(std::move(now)) {}

  /// One by the source, for each frame in order: whether it is looked at, which costs nothing when
  /// it is not. Those that are come to put() next.
  bool wants(int64_t number);
  /// False when it was closed.
  bool put(Frame frame);
  /// One by the model's side: waits for the next; nothing when it is closed and empty.
  std::optional<Frame> take();
  /// The frame taken last has been dealt with.
  void finished();
  bool has_frames() const;
  /// No frame comes any more. With `drop` those that wait are gone too.
  void close(bool drop);

  /// Every so-many-th frame is looked at.
  int64_t stride() const;
  int64_t skipped() const;

 private:
  void skip_more();
  void look_at_more();

  const bool skips_;
  const std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> waiting_;
  bool closed_ = false;
  int64_t stride_ = 1;
  int64_t skipped_ = 0;
  // Seconds, each a mean of the last few: from frame to frame of the source, and that one takes.
  double between_ = 0;
  double taking_ = 0;
  std::optional<Clock::time_point> asked_at_;  // wants(), the last time
  Clock::time_point taken_at_;
};

}  // namespace owl3
