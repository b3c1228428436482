#include "backend/cpu/memory_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace owl3::cpu {

namespace {
constexpr size_t kGranularity = 4096;
constexpr size_t kHugePage = size_t{2} << 20;
// What may lie idle: the temporaries of one decoder layer over a prefill chunk, generously.
constexpr size_t kMaxFreeBytes = size_t{256} << 20;
}  // namespace

MemoryPool::~MemoryPool() {
  for (const auto& [bytes, data] : free_) std::free(data);
}

std::shared_ptr<void> MemoryPool::allocate(size_t bytes) {
  bytes = (bytes + kGranularity) / kGranularity * kGranularity;
  void* data = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = free_.lower_bound(bytes);
    if (found != free_.end() && found->first <= bytes + bytes / 4 + kGranularity) {
      bytes = found->first;
      data = found->second;
      free_bytes_ -= bytes;
      free_.erase(found);
    }
  }
  if (data == nullptr) {
    const size_t alignment = bytes >= kHugePage ? kHugePage : kGranularity;
    data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (data == nullptr) throw std::bad_alloc();
    if (bytes >= kHugePage) ::madvise(data, bytes, MADV_HUGEPAGE);
  }
  // Should there be no memory for the owner, it calls the deleter itself.
  return std::shared_ptr<void>(
      data, [pool = shared_from_this(), bytes](void* p) { pool->release(p, bytes); });
}

void MemoryPool::release(void* data, size_t bytes) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (free_bytes_ + bytes <= kMaxFreeBytes) {
      free_.emplace(bytes, data);
      free_bytes_ += bytes;
      return;
    }
  } catch (const std::bad_alloc&) {  // no room for the list's entry: then it is not kept
  }
  std::free(data);
}

}  // namespace owl3::cpu
