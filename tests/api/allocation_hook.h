// Every allocation of the test program, seen before it is made: operator new in all its forms, and
// aligned_alloc, which tensors are made with.
#pragma once

#include <functional>

namespace owl3 {

/// While it lives, `hook` is called before every allocation, from whichever thread makes it; not
/// for what the hook itself allocates. What it throws comes out of the allocation: of operator new
/// as it is, of aligned_alloc as a null pointer.
class AllocationHook {
 public:
  explicit AllocationHook(std::function<void()> hook);
  ~AllocationHook();
  AllocationHook(const AllocationHook&) = delete;
  AllocationHook& operator=(const AllocationHook&) = delete;

 private:
  std::function<void()> hook_;
};

}  // namespace owl3
