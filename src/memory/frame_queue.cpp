#include "memory/frame_queue.h"

#include <algorithm>
#include <utility>

namespace owl3 {

namespace {

/// A mean that follows what changes.
void follow(double& mean, double value) {
  constexpr double kNew = 0.2;
  mean = mean == 0 ? value : mean + kNew * (value - mean);
}

double seconds_between(FrameQueue::Clock::time_point start, FrameQueue::Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

}  // namespace

bool FrameQueue::wants(int64_t number) {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  if (asked_at_) follow(between_, seconds_between(*asked_at_, now));
  asked_at_ = now;
  if (skips_) {
    if (waiting_.size() >= kMostWaiting) skip_more();
    look_at_more();
  }
  const bool wanted = number % stride_ == 0;
  if (!wanted) ++skipped_;
  return wanted;
}

/// About half of what waits is left out, and half of what comes.
void FrameQueue::skip_more() {
  stride_ *= 2;
  const size_t before = waiting_.size();
  std::erase_if(waiting_, [&](const Frame& frame) { return frame.number % stride_ != 0; });
  skipped_ += static_cast<int64_t>(before - waiting_.size());
}

/// Only where there is time for twice as many, and some to spare: else it would change for ever.
void FrameQueue::look_at_more() {
  constexpr double kSpare = 1.25;
  if (stride_ == 1 || !waiting_.empty()) return;
  if (taking_ * kSpare > between_ * static_cast<double>(stride_ / 2)) return;
  stride_ /= 2;
}

bool FrameQueue::put(Frame frame) {
  std::unique_lock lock(mutex_);
  if (!skips_) {
    changed_.wait(lock, [&] { return closed_ || waiting_.size() < kMostWaiting; });
  }
  if (closed_) return false;
  waiting_.push_back(std::move(frame));
  changed_.notify_all();
  return true;
}

std::optional<FrameQueue::Frame> FrameQueue::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
  if (waiting_.empty()) return std::nullopt;
  Frame frame = std::move(waiting_.front());
  waiting_.pop_front();
  taken_at_ = now_();
  changed_.notify_all();
  return frame;
}

void FrameQueue::finished() {
  const std::lock_guard lock(mutex_);
  follow(taking_, seconds_between(taken_at_, now_()));
}

void FrameQueue::close(bool drop) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (drop) waiting_.clear();
  changed_.notify_all();
}

bool FrameQueue::has_frames() const {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

int64_t FrameQueue::stride() const {
  const std::lock_guard lock(mutex_);
  return stride_;
}

int64_t FrameQueue::skipped() const {
  const std::lock_guard lock(mutex_);
  return skipped_;
}

}  // namespace owl3
