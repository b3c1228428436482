#include "backend/torch/torch_image_memory.h"

namespace owl3 {

namespace {

// What the device keeps for activations and texts where no budget is given.
constexpr int64_t kReserve = int64_t{2} << 30;

}  // namespace

TorchImageMemory::TorchImageMemory(at::Device device, std::shared_ptr<TorchSlots> on_device,
                                   std::optional<int64_t> budget)
    : device_(device),
      on_device_(std::move(on_device)),
      beside_device_(std::make_shared<TorchSlots>(device, /*beside=*/true)),
      budget_(budget) {}

TorchImageMemory::Place TorchImageMemory::take(int64_t size) {
  size = TorchSlots::rounded_size(size);
  {
    const std::scoped_lock lock(mutex_);
    if (budget_ && taken_bytes_ + size > *budget_) return {beside_device_->take(size), true};
    taken_bytes_ += size;
  }
  at::Tensor slot;
  const auto not_taken = [&] {
    const std::scoped_lock lock(mutex_);
    taken_bytes_ -= size;
  };
  try {
    // The memory of LibTorch's CPU is the host's.
    slot = on_device_->take_and_leave(size, budget_ || device_.is_cpu() ? 0 : kReserve);
  } catch (...) {
    not_taken();
    throw;
  }
  if (!slot.defined()) {
    not_taken();
    return {beside_device_->take(size), true};
  }
  const void* const address = slot.data_ptr();
  const std::scoped_lock lock(mutex_);
  taken_.emplace(address, size);
  return {
      at::for_blob(slot.data_ptr(), {size})
          .options(slot.options())
          .target_device(device_)
          .deleter([self = shared_from_this(), slot, size](void* at) { self->give_back(at, size); })
          .make_tensor(),
      false};
}

bool TorchImageMemory::holds(const void* address) const {
  const std::scoped_lock lock(mutex_);
  return taken_.contains(address);
}

void TorchImageMemory::give_back(const void* address, int64_t size) noexcept {
  const std::scoped_lock lock(mutex_);
  taken_.erase(address);
  taken_bytes_ -= size;
}

}  // namespace owl3
