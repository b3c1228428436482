#include "server/workers.h"

#include <limits>
#include <utility>

namespace owl3::server {

Workers::Workers(size_t threads, size_t waiting) : most_waiting_(waiting) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (works_.size() >= most_waiting_) return false;
    works_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

Finishers::Finishers() : workers_(1, std::numeric_limits<size_t>::max()) {}

Finishers::~Finishers() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return under_way_ == 0; });
}

std::shared_ptr<const void> Finishers::begin() {
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  return {this, [this](const void*) {
            const std::lock_guard lock(mutex_);
            if (--under_way_ == 0) ended_.notify_all();
          }};
}

void Finishers::submit(std::function<void()> work) {
  workers_.submit(std::move(work));
}

void Workers::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closing_ || !works_.empty(); });
    if (works_.empty()) return;
    const std::function<void()> work = std::move(works_.front());
    works_.pop_front();
    lock.unlock();
    work();
  }
}

}  // namespace owl3::server
