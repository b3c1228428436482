// Threads for what may take a while: reading requests and pictures.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace owl3::server {

class Workers {
 public:
  /// So many threads, and so many works that may wait for one.
  Workers(size_t threads, size_t waiting);
  /// Waits for all works.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False where too many wait: then it is not done. A work may not throw.
  bool submit(std::function<void()> work);

 private:
  void run();

  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> works_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

/// Does what is left to do when something that others compute has ended.
class Finishers {
 public:
  Finishers();
  /// Waits until all that it was told of has ended.
  ~Finishers();
  Finishers(const Finishers&) = delete;
  Finishers& operator=(const Finishers&) = delete;

  /// Something has begun, and goes on as long as the token lives.
  std::shared_ptr<const void> begin();
  void submit(std::function<void()> work);

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  int64_t under_way_ = 0;
  Workers workers_;
};

}  // namespace owl3::server
