#include "memory/memory_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/byte_text.h"
#include "core/error.h"

namespace owl3 {

/// Lives as long as anyone has the memory. The store may be gone before.
struct MemoryStore::Hold {
  Hold(std::weak_ptr<MemoryStore> store_in, Map::iterator entry_in,
       std::shared_ptr<const ImageMemory> memory_in)
      : store(std::move(store_in)), entry(entry_in), memory(std::move(memory_in)) {}
  ~Hold() {
    if (const std::shared_ptr<MemoryStore> alive = store.lock()) alive->let_go(entry);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  std::weak_ptr<MemoryStore> store;
  Map::iterator entry;
  std::shared_ptr<const ImageMemory> memory;
};

MemoryStore::MemoryStore(StoreLimits limits) : limits_(std::move(limits)) {}

MemoryStore::Room MemoryStore::room(std::string what) {
  return {shared_from_this(), std::move(what)};
}

int64_t MemoryStore::room_left(std::optional<int64_t> available) const {
  int64_t left = std::numeric_limits<int64_t>::max();
  if (limits_.budget) left = *limits_.budget - held_bytes_;
  if (available) left = std::min(left, *available + bytes_ - held_bytes_);
  return left - pending_bytes_ - promised_bytes_;
}

bool MemoryStore::promise(int64_t bytes) {
  const std::optional<int64_t> available = limits_.available();
  const std::lock_guard lock(mutex_);
  if (bytes > room_left(available)) return false;
  promised_bytes_ += bytes;
  return true;
}

void MemoryStore::give_back(int64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  promised_bytes_ -= bytes;
}

/// Turns what the room was promised into what is held or being made, under the lock.
bool MemoryStore::draw(int64_t bytes, Room& room) {
  if (room.bytes_ < bytes) {
    if (bytes - room.bytes_ > room_left(limits_.available())) return false;
    promised_bytes_ += bytes - room.bytes_;
    room.bytes_ = bytes;
  }
  room.bytes_ -= bytes;
  promised_bytes_ -= bytes;
  return true;
}

/// Bytes that have to go before so many can come in, for all that the machine has; asked for now
/// and then. Under the lock.
int64_t MemoryStore::missing_memory(int64_t bytes) {
  unasked_bytes_ += bytes;
  if (unasked_bytes_ < limits_.asked_every) return 0;
  const int64_t incoming = std::exchange(unasked_bytes_, 0);
  const std::optional<int64_t> available = limits_.available();
  return available ? incoming + limits_.left_free - *available : 0;
}

/// Throws the InputError that tells which limit it is. Under the lock.
void MemoryStore::refuse(const Room& room, int64_t images, int64_t bytes_per_image) const {
  const int64_t needed = images * bytes_per_image;
  const std::string needs =
      fmt::format("{}: {} of visual memory", room.what_,
                  images == 1 ? fmt::format("an image needs {}", byte_text(needed))
                              : fmt::format("{} images need {}", images, byte_text(needed)));
  constexpr const char* kFewer = "take fewer (of images, --no-cut; of a film, --max-frames)";
  const int64_t others = held_bytes_ + pending_bytes_ + promised_bytes_ - room.bytes_;
  if (limits_.budget && needed > *limits_.budget - others) {
    const std::string taken =
        others > 0 ? fmt::format(", of which {} are in use", byte_text(others)) : std::string();
    const bool is_alone = images == 1 && others == 0;
    throw InputError(fmt::format("{}, but its budget is {}{}; {}raise it (--memory-budget)", needs,
                                 byte_text(*limits_.budget), taken,
                                 is_alone ? "" : fmt::format("{}, or ", kFewer)));
  }
  const int64_t left = std::max<int64_t>(0, room_left(limits_.available()) + room.bytes_);
  throw InputError(fmt::format("{}, but {} are available; {}", needs, byte_text(left), kFewer));
}

MemoryStore::Map MemoryStore::evict(int64_t bytes) noexcept {
  Map evicted;
  while (bytes > 0 && !unheld_.empty()) {
    const Map::iterator oldest = unheld_.front();
    unheld_.pop_front();
    bytes -= oldest->second.bytes;
    bytes_ -= oldest->second.bytes;
    ++counts_.evicted;
    evicted.insert(entries_.extract(oldest));
  }
  return evicted;
}

MemoryStore::Map MemoryStore::keep_budget() noexcept {
  if (!limits_.budget) return {};
  return evict(bytes_ + pending_bytes_ - *limits_.budget);
}

/// Of one that is there. Under the lock.
ImageMemoryPtr MemoryStore::hold(Map::iterator found, Room& room) {
  Entry& entry = found->second;
  if (entry.holders == 0 && !draw(entry.bytes, room)) refuse(room, 1, entry.bytes);
  std::shared_ptr<const Hold> hold = entry.hold.lock();
  if (!hold) {
    hold = std::make_shared<const Hold>(weak_from_this(), found, entry.memory);
    entry.hold = hold;
    // One that is just being let go of counts until it is.
    if (entry.holders++ == 0) {
      held_.splice(held_.end(), unheld_, entry.place);
      held_bytes_ += entry.bytes;
    }
  }
  const ImageMemory* const memory = hold->memory.get();
  return {std::move(hold), memory};
}

void MemoryStore::let_go(Map::iterator entry) noexcept {
  Map evicted;
  {
    const std::lock_guard lock(mutex_);
    if (--entry->second.holders > 0) return;
    unheld_.splice(unheld_.end(), held_, entry->second.place);
    held_bytes_ -= entry->second.bytes;
    evicted = keep_budget();
  }
  move_out(evicted);
}

void MemoryStore::move_out(const Map& evicted) noexcept {
  if (!limits_.folder) return;
  for (const auto& [key, entry] : evicted) {
    if (entry.memory) limits_.folder->put(key, *entry.memory);
  }
}

MemoryStore::Found MemoryStore::find(const MemoryKey& key, int64_t bytes, Room& room,
                                     const RecordLayout* layout) {
  Map evicted;  // destroyed behind the lock
  Found found = look_up(key, bytes, room, evicted);
  move_out(evicted);
  Claim* const claim = std::get_if<Claim>(&found);
  if (claim == nullptr || layout == nullptr || !limits_.folder) return found;
  std::shared_ptr<const ImageMemory> there = limits_.folder->find(key, *layout);
  if (!there) return found;
  {
    const std::lock_guard lock(mutex_);
    ++counts_.restored;
  }
  return claim->keep(std::move(there));
}

MemoryStore::Found MemoryStore::look_up(const MemoryKey& key, int64_t bytes, Room& room,
                                        Map& evicted) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    Entry& entry = found->second;
    if (!entry.memory) return entry.pending;
    ImageMemoryPtr held = hold(found, room);
    ++counts_.hits;
    return held;
  }
  std::promise<ImageMemoryPtr> promise;
  Map made;
  const Map::iterator entry = made.emplace(key, Entry{}).first;
  entry->second.bytes = bytes;
  entry->second.pending = promise.get_future().share();
  Order place;
  place.push_back(entry);
  entry->second.place = place.begin();
  if (!draw(bytes, room)) refuse(room, 1, bytes);
  // Nothing below can fail.
  held_.splice(held_.end(), place);
  entries_.merge(made);  // which leaves iterators as they are
  pending_bytes_ += bytes;
  ++counts_.misses;
  evicted = keep_budget();
  evicted.merge(evict(missing_memory(bytes)));
  return Claim(shared_from_this(), entry, std::move(promise));
}

ImageMemoryPtr MemoryStore::peek(const MemoryKey& key, Room& room) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.memory) return nullptr;
  return hold(found, room);
}

ImageMemoryPtr MemoryStore::keep(Map::iterator found, std::shared_ptr<const ImageMemory> memory) {
  Pending no_longer;  // destroyed behind the lock
  const std::lock_guard lock(mutex_);
  Entry& entry = found->second;
  auto hold = std::make_shared<const Hold>(weak_from_this(), found, memory);
  entry.memory = std::move(memory);
  entry.hold = hold;
  entry.holders = 1;
  no_longer = std::move(entry.pending);
  pending_bytes_ -= entry.bytes;
  bytes_ += entry.bytes;
  held_bytes_ += entry.bytes;
  const ImageMemory* const kept = hold->memory.get();
  return {std::move(hold), kept};
}

void MemoryStore::abandon(Map::iterator entry) noexcept {
  Map gone;  // destroyed behind the lock
  const std::lock_guard lock(mutex_);
  pending_bytes_ -= entry->second.bytes;
  held_.erase(entry->second.place);
  gone.insert(entries_.extract(entry));
}

StoreCounts MemoryStore::counts() const {
  const std::lock_guard lock(mutex_);
  StoreCounts counts = counts_;
  counts.images = std::count_if(entries_.begin(), entries_.end(),
                                [](const auto& entry) { return entry.second.memory != nullptr; });
  counts.bytes = bytes_;
  counts.held_bytes = held_bytes_;
  return counts;
}

MemoryStore::Room::Room(Room&& other) noexcept
    : store_(std::move(other.store_)),
      what_(std::move(other.what_)),
      bytes_(std::exchange(other.bytes_, 0)) {}

MemoryStore::Room::~Room() {
  if (store_ && bytes_ != 0) store_->give_back(bytes_);
}

bool MemoryStore::Room::ask(int64_t images, int64_t bytes_per_image) {
  const int64_t bytes = images * bytes_per_image;
  if (!store_->promise(bytes)) return false;
  bytes_ += bytes;
  return true;
}

void MemoryStore::Room::demand(int64_t images, int64_t bytes_per_image) {
  if (ask(images, bytes_per_image)) return;
  const std::lock_guard lock(store_->mutex_);
  store_->refuse(*this, images, bytes_per_image);
}

MemoryStore::Claim::Claim(Claim&& other) noexcept
    : store_(std::move(other.store_)), entry_(other.entry_), promise_(std::move(other.promise_)) {}

MemoryStore::Claim::~Claim() {
  if (!store_) return;
  store_->abandon(entry_);
  promise_.set_value(nullptr);
}

ImageMemoryPtr MemoryStore::Claim::keep(std::shared_ptr<const ImageMemory> memory) {
  OWL3_CHECK(store_ != nullptr && memory != nullptr);
  ImageMemoryPtr kept = store_->keep(entry_, std::move(memory));
  promise_.set_value(kept);
  store_ = nullptr;
  return kept;
}

}  // namespace owl3
