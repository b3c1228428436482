#include "api/allocation_hook.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<const std::function<void()>*> current_hook = nullptr;
thread_local bool in_hook = false;

void call_hook() {
  const std::function<void()>* hook = current_hook.load();
  if (hook == nullptr || in_hook) return;
  in_hook = true;
  struct Leave {
    ~Leave() { in_hook = false; }
  } leave;
  (*hook)();
}

size_t rounded_up(size_t bytes, size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

template <typename Allocate>
void* null_if_thrown(const Allocate& allocate) noexcept {
  try {
    return allocate();
  } catch (...) {
    return nullptr;
  }
}

}  // namespace

extern "C" {
// The linker's names for a wrapped function (CMakeLists.txt).
// NOLINTBEGIN(bugprone-reserved-identifier)
void* __real_aligned_alloc(size_t alignment, size_t bytes);
void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  try {
    call_hook();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  return __real_aligned_alloc(alignment, bytes);
}
// NOLINTEND(bugprone-reserved-identifier)
}

// All forms stand here: the library's own call these two, but AddressSanitizer's don't.
void* operator new(size_t bytes) {
  call_hook();
  void* data = std::malloc(bytes == 0 ? 1 : bytes);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  call_hook();
  const auto multiple = static_cast<size_t>(alignment);
  void* data = __real_aligned_alloc(multiple, rounded_up(bytes == 0 ? 1 : bytes, multiple));
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return null_if_thrown([&] { return operator new(bytes); });
}
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return null_if_thrown([&] { return operator new(bytes, alignment); });
}
void* operator new[](size_t bytes) {
  return operator new(bytes);
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return operator new(bytes, alignment);
}
void* operator new[](size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, alignment, tag);
}

void operator delete(void* data) noexcept {
  std::free(data);
}
void operator delete(void* data, size_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete(void* data, size_t, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete(void* data, const std::nothrow_t&) noexcept {
  std::free(data);
}
void operator delete(void* data, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(data);
}
void operator delete[](void* data) noexcept {
  std::free(data);
}
void operator delete[](void* data, size_t) noexcept {
  std::free(data);
}
void operator delete[](void* data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete[](void* data, size_t, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete[](void* data, const std::nothrow_t&) noexcept {
  std::free(data);
}
void operator delete[](void* data, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(data);
}

namespace owl3 {

AllocationHook::AllocationHook(std::function<void()> hook) : hook_(std::move(hook)) {
  current_hook = &hook_;
}

AllocationHook::~AllocationHook() {
  current_hook = nullptr;
}

}  // namespace owl3
