#include "backend/torch/torch_slots.h"

#include <algorithm>

namespace owl3 {

namespace {

// A slab's size is a compromise: images that cross from one to the next are copied to be read.
constexpr int64_t kSlabBytes = int64_t{64} << 20;
constexpr int64_t kLeastSlots = 4;
constexpr int64_t kMostSlots = 256;
constexpr int64_t kAlignment = 256;

}  // namespace

int64_t TorchSlots::rounded_size(int64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

at::Tensor TorchSlots::new_memory(int64_t bytes) const {
  const auto options = at::TensorOptions(at::kByte);
  if (!beside_) return at::empty({bytes}, options.device(device_));
  if (!device_.is_cpu()) {
    try {
      return at::empty({bytes}, options.pinned_memory(true));
    } catch (const c10::Error&) {
      // Not every kind of device has such memory; copies from any other are slower.
    }
  }
  return at::empty({bytes}, options);
}

TorchSlots::Slabs::iterator TorchSlots::slab_with_room(int64_t size, int64_t bytes_to_leave) {
  Slabs& slabs = slabs_[size];
  const auto found = std::find_if(slabs.begin(), slabs.end(),
                                  [](const auto& slab) { return !slab.second.free.empty(); });
  if (found != slabs.end()) return found;
  Slab slab;
  // The gap behind it keeps slots of two slabs from being taken for neighbours.
  slab.slots = std::clamp((kSlabBytes - kAlignment) / size, kLeastSlots, kMostSlots);
  slab.memory = new_memory(slab.slots * size + kAlignment)
                    .narrow(0, 0, slab.slots * size)
                    .view({slab.slots, size});
  // How much a device has left is told by none of LibTorch's versions alike: it is tried.
  if (bytes_to_leave > 0) {
    at::empty({bytes_to_leave}, at::TensorOptions(at::kByte).device(device_));
  }
  for (int64_t slot = 0; slot < slab.slots; ++slot) slab.free.insert(slot);
  return slabs.emplace(next_slab_++, std::move(slab)).first;
}

at::Tensor TorchSlots::take_slot(Slabs::iterator found, int64_t size) {
  const int64_t number = found->first;
  Slab& slab = found->second;
  const int64_t slot = *slab.free.begin();
  const at::Tensor place = slab.memory.select(0, slot);
  // Beside a device a copy may still come from there or go there, which the host must not meddle
  // in.
  if (!beside_) place.zero_();
  at::Tensor taken = at::for_blob(place.data_ptr(), {size})
                         .options(place.options())
                         .target_device(place.device())
                         .deleter([self = shared_from_this(), size, number, slot](void*) {
                           self->give_back(size, number, slot);
                         })
                         .make_tensor();
  slab.free.erase(slab.free.begin());
  return taken;
}

at::Tensor TorchSlots::take(int64_t size) {
  size = rounded_size(size);
  const std::scoped_lock lock(mutex_);
  return take_slot(slab_with_room(size, 0), size);
}

at::Tensor TorchSlots::take_and_leave(int64_t size, int64_t bytes) {
  size = rounded_size(size);
  const std::scoped_lock lock(mutex_);
  try {
    return take_slot(slab_with_room(size, bytes), size);
  } catch (const c10::OutOfMemoryError&) {
    return {};
  }
}

void TorchSlots::give_back(int64_t size, int64_t slab_number, int64_t slot) noexcept {
  at::Tensor unused;  // let go of outside the lock
  const std::scoped_lock lock(mutex_);
  Slabs& slabs = slabs_[size];
  const auto found = slabs.find(slab_number);
  Slab& slab = found->second;
  slab.free.insert(slot);
  // One empty slab is kept of a size: a conversation's end is mostly another's beginning.
  if (static_cast<int64_t>(slab.free.size()) < slab.slots || slabs.size() == 1) return;
  unused = std::move(slab.memory);
  slabs.erase(found);
}

}  // namespace owl3
