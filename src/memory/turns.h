// Whose turn it is: one thread at a time, in the order in which they came.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>

namespace owl3 {

class Turns {
 public:
  /// The turn of whoever makes it, for as long as it lives.
  class Turn {
   public:
    /// Waits; asks `while_waiting` now and then, which may throw.
    Turn(Turns& turns, const std::function<void()>& while_waiting) : place_(turns) {
      constexpr std::chrono::milliseconds kBetween{50};
      while (!place_.comes_within(kBetween)) while_waiting();
    }

   private:
    /// In the queue; given up by whoever no longer waits, too.
    class Place {
     public:
      explicit Place(Turns& turns) : turns_(turns) {
        const std::lock_guard lock(turns_.mutex_);
        place_ = turns_.queue_.emplace(turns_.queue_.end());
      }
      ~Place() {
        {
          const std::lock_guard lock(turns_.mutex_);
          turns_.queue_.erase(place_);
        }
        turns_.changed_.notify_all();
      }
      Place(const Place&) = delete;
      Place& operator=(const Place&) = delete;

      bool comes_within(std::chrono::milliseconds time) {
        std::unique_lock lock(turns_.mutex_);
        return turns_.changed_.wait_for(lock, time,
                                        [this] { return turns_.queue_.begin() == place_; });
      }

     private:
      Turns& turns_;
      std::list<char>::iterator place_;
    };

    Place place_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<char> queue_;  // the first has the turn
};

}  // namespace owl3
