// Where visual memory lies: on the device as long as it has room, then in the host's memory beside
// it, from where it is sent each time it is read.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "backend/torch/torch_slots.h"

namespace owl3 {

class TorchImageMemory : public std::enable_shared_from_this<TorchImageMemory> {
 public:
  /// `budget`: bytes of the device that images may take; where nothing is said, all but a reserve
  /// for what is computed.
  TorchImageMemory(at::Device device, std::shared_ptr<TorchSlots> on_device,
                   std::optional<int64_t> budget);

  struct Place {
    at::Tensor memory;
    bool beside_device = false;
  };
  /// Room for so many bytes, as TorchSlots gives it.
  Place take(int64_t size);
  /// Whether a place of the device at that address was taken.
  bool holds(const void* address) const;

 private:
  void give_back(const void* address, int64_t size) noexcept;

  at::Device device_;
  std::shared_ptr<TorchSlots> on_device_;
  std::shared_ptr<TorchSlots> beside_device_;
  std::optional<int64_t> budget_;
  mutable std::mutex mutex_;
  std::map<const void*, int64_t> taken_;  // of the device: bytes by address
  int64_t taken_bytes_ = 0;
};

}  // namespace owl3
