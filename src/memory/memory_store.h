// What was computed of images, kept for whoever asks again: by key, within a budget, for all
// threads.
//
// Whoever has got a memory holds it; it stays while anyone does. What nobody holds stays too, until
// the room is wanted: then the one that was let go of longest ago goes first. Bytes are promised
// before they are taken (Room), so that a request that can't be met is refused before any work, and
// one that was let in never fails for want of room.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "core/available_memory.h"
#include "memory/memory_folder.h"
#include "memory/memory_key.h"

namespace owl3 {

struct StoreLimits {
  /// Bytes of all that is kept; not given: what the process may have.
  std::optional<int64_t> budget{};
  /// Bytes that the process may still take; asked for every request, and again for every
  /// `asked_every` bytes that come in.
  std::function<std::optional<int64_t>()> available = [] { return available_memory(); };
  int64_t asked_every = int64_t{16} << 20;
  /// Of `available`, what those that nobody holds make way for: the work needs memory too.
  int64_t left_free = int64_t{256} << 20;
  /// Where what makes way goes to, and comes back from; null: nowhere.
  std::shared_ptr<MemoryFolder> folder{};
};

struct StoreCounts {
  int64_t hits = 0;    // what was asked for was there, or being made
  int64_t misses = 0;  // it was not: whoever asked makes it
  int64_t evicted = 0;
  int64_t restored = 0;  // of the misses, from the folder
  int64_t images = 0;    // now
  int64_t bytes = 0;
  int64_t held_bytes = 0;  // of those
};

/// Always owned by shared pointers: what it hands out finds its way back, where it is still there.
class MemoryStore : public std::enable_shared_from_this<MemoryStore> {
 public:
  class Room;
  class Claim;
  /// Somebody else is making it: what comes is null if that fails.
  using Pending = std::shared_future<ImageMemoryPtr>;
  using Found = std::variant<ImageMemoryPtr, Claim, Pending>;

  explicit MemoryStore(StoreLimits limits);
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  /// Room for one request, which `what` names in messages; none is promised yet.
  Room room(std::string what);
  /// What there is of an image of so many bytes. Of those who ask for the same, one gets the claim
  /// to make it, the others wait for him. Takes from the room what was not held before; throws
  /// InputError where that has too little and can't have more. With the layout of the model's
  /// records it is looked for in the folder too.
  Found find(const MemoryKey& key, int64_t bytes, Room& room, const RecordLayout* layout = nullptr);
  /// Holds what is there, as find() does, and claims nothing: null where it is not there. Not
  /// counted.
  ImageMemoryPtr peek(const MemoryKey& key, Room& room);

  StoreCounts counts() const;
  const StoreLimits& limits() const { return limits_; }

 private:
  struct Hold;
  struct Entry;
  using Map = std::map<MemoryKey, Entry>;
  using Order = std::list<Map::iterator>;
  struct Entry {
    std::shared_ptr<const ImageMemory> memory{};  // null: it is being made
    int64_t bytes = 0;
    Pending pending{};
    int64_t holders = 0;
    std::weak_ptr<const Hold> hold{};
    Order::iterator place{};  // in unheld_ or held_
  };

  /// What could be promised beside what is; `available` was asked before the lock was taken.
  int64_t room_left(std::optional<int64_t> available) const;
  bool promise(int64_t bytes);
  void give_back(int64_t bytes) noexcept;
  bool draw(int64_t bytes, Room& room);
  ImageMemoryPtr hold(Map::iterator entry, Room& room);
  void let_go(Map::iterator entry) noexcept;
  ImageMemoryPtr keep(Map::iterator entry, std::shared_ptr<const ImageMemory> memory);
  void abandon(Map::iterator entry) noexcept;
  /// Takes out what nobody holds, the oldest first, until so many bytes are gone, or the budget is
  /// kept. What is returned is to be destroyed without the lock.
  Map evict(int64_t bytes) noexcept;
  Map keep_budget() noexcept;
  int64_t missing_memory(int64_t bytes);
  /// What is in memory, or the claim. `evicted` is what made way for it.
  Found look_up(const MemoryKey& key, int64_t bytes, Room& room, Map& evicted);
  /// Writes what made way to the folder. Without the lock.
  void move_out(const Map& evicted) noexcept;
  [[noreturn]] void refuse(const Room& room, int64_t images, int64_t bytes_per_image) const;

  const StoreLimits limits_;
  mutable std::mutex mutex_;
  Map entries_;
  Order unheld_;  // the one let go of longest ago first
  Order held_;    // and those being made
  int64_t bytes_ = 0;
  int64_t held_bytes_ = 0;
  int64_t pending_bytes_ = 0;   // claimed and not there yet
  int64_t promised_bytes_ = 0;  // and not taken yet
  int64_t unasked_bytes_ = 0;   // came in since `available` was asked
  StoreCounts counts_;
};

/// Bytes promised to a request; the rest goes back when it ends.
class MemoryStore::Room {
 public:
  Room(Room&& other) noexcept;
  Room& operator=(Room&&) = delete;
  ~Room();

  /// Room for so many images more; false where there is too little.
  bool ask(int64_t images, int64_t bytes_per_image);
  /// The same; throws InputError where there is too little.
  void demand(int64_t images, int64_t bytes_per_image);

 private:
  friend class MemoryStore;
  Room(std::shared_ptr<MemoryStore> store, std::string what)
      : store_(std::move(store)), what_(std::move(what)) {}

  std::shared_ptr<MemoryStore> store_;
  std::string what_;
  int64_t bytes_ = 0;
};

/// The right, and the duty, to make what is missing. Without keep(), by whatever error, it is as if
/// nobody had asked, and one of those who wait may claim it.
class MemoryStore::Claim {
 public:
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&&) = delete;
  ~Claim();

  /// Held by the caller, and given to those who wait.
  ImageMemoryPtr keep(std::shared_ptr<const ImageMemory> memory);

 private:
  friend class MemoryStore;
  Claim(std::shared_ptr<MemoryStore> store, Map::iterator entry,
        std::promise<ImageMemoryPtr> promise)
      : store_(std::move(store)), entry_(entry), promise_(std::move(promise)) {}

  std::shared_ptr<MemoryStore> store_;  // null: done, or moved from
  Map::iterator entry_;
  std::promise<ImageMemoryPtr> promise_;
};

}  // namespace owl3
