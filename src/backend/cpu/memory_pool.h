// Activation buffers, reused: a forward pass asks for the same few sizes again and again, and
// fresh pages from the kernel would cost more than many of the operations.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace owl3::cpu {

class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  ~MemoryPool();

  /// Uninitialised, 64-byte aligned; goes back to the pool when the last owner lets go.
  std::shared_ptr<void> allocate(size_t bytes);

 private:
  void release(void* data, size_t bytes) noexcept;

  std::mutex mutex_;
  std::multimap<size_t, void*> free_;  // by size
  size_t free_bytes_ = 0;
};

}  // namespace owl3::cpu
