// Memory of the device for blocks of keys and values: pieces of one size side by side, so that the
// images of a prompt, which were mostly made one after the other, lie at equal distances and are
// read together without copying them.
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
  explicit TorchSlots(at::Device device) : device_(device) {}

  /// Bytes [size] of the device, zeroed, in the first free place; it goes back when the last tensor
  /// that lies in it is gone. What the device still has to do with it is done before what comes
  /// next.
  at::Tensor take(int64_t size);

 private:
  struct Slab {
    at::Tensor memory;
    std::set<int64_t> free;  // by number
    int64_t slots = 0;
  };
  using Slabs = std::map<int64_t, Slab>;  // by number, the oldest first

  void give_back(int64_t size, int64_t slab, int64_t slot) noexcept;

  at::Device device_;
  std::mutex mutex_;
  std::map<int64_t, Slabs> slabs_;  // by size of their slots
  int64_t next_slab_ = 0;
};

}  // namespace owl3
