// Memory for blocks of keys and values: pieces of one size side by side, so that the images of a
// prompt, which were mostly made one after the other, lie at equal distances and are read together
// without copying them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "backend/torch/torch.h"

namespace owl3 {

class TorchSlots : public std::enable_shared_from_this<TorchSlots> {
 public:
  /// On a device; or, `beside` one, in the host's memory, from where its copies are fast.
  TorchSlots(at::Device device, bool beside) : device_(device), beside_(beside) {}

  static int64_t rounded_size(int64_t size);

  /// Bytes [rounded_size] in the first free place, zeroed on a device; it goes back when the last
  /// tensor that lies in it is gone. What the device still has to do with it is done before what
  /// comes next.
  at::Tensor take(int64_t size);
  /// The same as long as that leaves so many bytes of the device; else an undefined tensor.
  at::Tensor take_and_leave(int64_t size, int64_t bytes);

 private:
  struct Slab {
    at::Tensor memory;
    std::set<int64_t> free;  // by number
    int64_t slots = 0;
  };
  using Slabs = std::map<int64_t, Slab>;  // by number, the oldest first

  at::Tensor new_memory(int64_t bytes) const;
  Slabs::iterator slab_with_room(int64_t size, int64_t bytes_to_leave);
  at::Tensor take_slot(Slabs::iterator slab, int64_t size);
  void give_back(int64_t size, int64_t slab, int64_t slot) noexcept;

  at::Device device_;
  bool beside_;
  std::mutex mutex_;
  std::map<int64_t, Slabs> slabs_;  // by size of their slots
  int64_t next_slab_ = 0;
};

}  // namespace owl3
