// Work done ahead by several threads, its results handed out in order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "core/threads.h"

namespace owl3 {

/// take() is called by one thread at a time and yields the items, nothing after the last;
/// process() turns items into results, on several threads at once. The results come out of next()
/// in the order in which take() gave the items, whatever the number of threads. An exception of
/// process() comes in its result's place, one of take() after all results.
template <typename Item, typename Result>
class OrderedWorkers {
 public:
  /// At most `ahead` results are finished or in work before they are asked for. With 0 threads,
  /// next() does the work.
  OrderedWorkers(int threads, size_t ahead, std::function<std::optional<Item>()> take,
                 std::function<Result(Item)> process)
      : take_(std::move(take)), process_(std::move(process)), ahead_(ahead) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }
  /// Waits for what is in work; what waits for its turn is dropped.
  ~OrderedWorkers() {
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();
  }
  OrderedWorkers(const OrderedWorkers&) = delete;
  OrderedWorkers& operator=(const OrderedWorkers&) = delete;

  /// Whether next() would give something at once, or does so within this time; with 0 threads it
  /// would: it does the work itself. For the thread that calls next().
  bool wait_for(std::chrono::milliseconds time) {
    if (threads_.empty()) return true;
    const auto until = std::chrono::steady_clock::now() + time;
    std::unique_lock lock(mutex_);
    const auto is_there = [this] { return !results_.empty() || ended_; };
    if (!changed_.wait_until(lock, until, is_there)) return false;
    if (results_.empty()) return true;
    const std::future<Result>& first = results_.front();  // taken away by this thread alone
    lock.unlock();
    return first.wait_until(until) == std::future_status::ready;
  }

  /// Nothing after the last item. For one thread only.
  std::optional<Result> next() {
    if (threads_.empty()) {
      std::optional<Item> item = take_();
      if (!item) return std::nullopt;
      return process_(std::move(*item));
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !results_.empty() || ended_; });
    if (results_.empty()) return std::nullopt;
    std::future<Result> result = std::move(results_.front());
    results_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return result.get();
  }

 private:
  void work(const std::stop_token& stop) {
    const ThreadLimit alone(1);  // the workers are the parallelism
    for (;;) {
      std::promise<Result> promise;
      std::optional<Item> item = take_in_order(stop, promise);
      if (!item) return;
      try {
        promise.set_value(process_(std::move(*item)));
      } catch (...) {
        promise.set_exception(std::current_exception());
      }
    }
  }

  std::optional<Item> take_in_order(const std::stop_token& stop, std::promise<Result>& promise) {
    // Whoever holds `turn_` gets the next item and the next place among the results.
    const std::lock_guard turn(turn_);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [this] { return results_.size() < ahead_ || ended_; });
      if (stop.stop_requested() || ended_) return std::nullopt;
    }
    std::optional<Item> item;
    std::exception_ptr failure;
    try {
      item = take_();
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      if (item || failure) results_.push_back(promise.get_future());
      if (!item) ended_ = true;
    }
    if (failure) promise.set_exception(failure);
    changed_.notify_all();
    return item;
  }

  std::function<std::optional<Item>()> take_;
  std::function<Result(Item)> process_;
  const size_t ahead_;
  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::future<Result>> results_;
  bool ended_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace owl3
