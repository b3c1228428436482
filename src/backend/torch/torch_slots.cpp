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

at::Tensor TorchSlots::take(int64_t size) {
  size = (size + kAlignment - 1) / kAlignment * kAlignment;
  const std::scoped_lock lock(mutex_);
  Slabs& slabs = slabs_[size];
  auto found = std::find_if(slabs.begin(), slabs.end(),
                            [](const auto& slab) { return !slab.second.free.empty(); });
  if (found == slabs.end()) {
    Slab slab;
    slab.slots = std::clamp(kSlabBytes / size, kLeastSlots, kMostSlots);
    slab.memory = at::empty({slab.slots, size}, at::TensorOptions(at::kByte).device(device_));
    for (int64_t slot = 0; slot < slab.slots; ++slot) slab.free.insert(slot);
    found = slabs.emplace(next_slab_++, std::move(slab)).first;
  }
  const int64_t number = found->first;
  Slab& slab = found->second;
  const int64_t slot = *slab.free.begin();
  const at::Tensor place = slab.memory.select(0, slot).zero_();
  at::Tensor taken = at::for_blob(place.data_ptr(), {size})
                         .options(place.options())
                         .target_device(device_)
                         .deleter([self = shared_from_this(), size, number, slot](void*) {
                           self->give_back(size, number, slot);
                         })
                         .make_tensor();
  slab.free.erase(slab.free.begin());
  return taken;
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
