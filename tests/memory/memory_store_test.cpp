// What is kept of images, for how long, and for whom.
#include "memory/memory_store.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <random>
#include <thread>

#include "core/error.h"

namespace owl3 {
namespace {

using Room = MemoryStore::Room;
using Claim = MemoryStore::Claim;
using Pending = MemoryStore::Pending;

constexpr int64_t kBytes = 100;

MemoryKey key_of(int number) {
  MemoryKey key;
  key.pixels.bytes[0] = static_cast<uint8_t>(number);
  return key;
}

/// Its values tell whose it is.
std::shared_ptr<const ImageMemory> make_memory(int number) {
  auto memory = std::make_shared<ImageMemory>();
  memory->layers.resize(2);
  for (KeyValueBlock& block : memory->layers) {
    block.keys = make_tensor(DType::kF32, {4});
    for (int i = 0; i < 4; ++i) block.keys.f32()[i] = static_cast<float>(number * 4 + i);
  }
  return memory;
}

bool is_memory_of(int number, const ImageMemory& memory) {
  for (const KeyValueBlock& block : memory.layers) {
    for (int i = 0; i < 4; ++i) {
      if (block.keys.f32()[i] != static_cast<float>(number * 4 + i)) return false;
    }
  }
  return memory.layers.size() == 2;
}

std::shared_ptr<MemoryStore> make_store(std::optional<int64_t> budget,
                                        std::optional<int64_t> available = std::nullopt) {
  StoreLimits limits;
  limits.budget = budget;
  limits.available = [available] { return available; };
  limits.asked_every = 0;
  limits.left_free = 0;
  return std::make_shared<MemoryStore>(std::move(limits));
}

/// Finds an image or makes it.
ImageMemoryPtr remember(MemoryStore& store, int number, int64_t bytes = kBytes) {
  Room room = store.room("picture");
  MemoryStore::Found found = store.find(key_of(number), bytes, room);
  if (auto* const memory = std::get_if<ImageMemoryPtr>(&found)) return *memory;
  return std::get<Claim>(found).keep(make_memory(number));
}

bool has(MemoryStore& store, int number) {
  Room room = store.room("picture");
  return store.peek(key_of(number), room) != nullptr;
}

std::string refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(MemoryStore, FindsWhatItKeeps) {
  const auto store = make_store(std::nullopt);
  const ImageMemoryPtr first = remember(*store, 1);
  EXPECT_EQ(remember(*store, 1).get(), first.get());
  EXPECT_TRUE(is_memory_of(1, *first));
  EXPECT_TRUE(is_memory_of(2, *remember(*store, 2)));
  const StoreCounts counts = store->counts();
  EXPECT_EQ(counts.hits, 1);
  EXPECT_EQ(counts.misses, 2);
  EXPECT_EQ(counts.images, 2);
  EXPECT_EQ(counts.bytes, 2 * kBytes);
  EXPECT_EQ(counts.held_bytes, kBytes) << "the second is held no more";
}

TEST(MemoryStore, DropsWhatWasLetGoOfLongestAgo) {
  const auto store = make_store(3 * kBytes);
  for (const int number : {1, 2, 3}) remember(*store, number);
  remember(*store, 1);  // used again
  remember(*store, 4);
  EXPECT_FALSE(has(*store, 2));
  remember(*store, 5);
  EXPECT_FALSE(has(*store, 3));
  EXPECT_TRUE(has(*store, 1));
  EXPECT_EQ(store->counts().bytes, 3 * kBytes);
  EXPECT_EQ(store->counts().evicted, 2);
}

TEST(MemoryStore, KeepsWhatSomebodyHolds) {
  const auto store = make_store(3 * kBytes);
  const ImageMemoryPtr one = remember(*store, 1);
  ImageMemoryPtr two = remember(*store, 2);
  const ImageMemoryPtr too = two;  // two holders
  for (int number = 3; number < 9; ++number) remember(*store, number);
  EXPECT_TRUE(has(*store, 1));
  two.reset();
  remember(*store, 9);
  EXPECT_EQ(remember(*store, 2).get(), too.get());
  const ImageMemoryPtr three = remember(*store, 3);
  const std::string refusal = refusal_of([&] { remember(*store, 4); });
  EXPECT_EQ(refusal,
            "picture: an image needs 100 bytes of visual memory, but its budget is 300 bytes, of "
            "which 300 bytes are in use; take fewer (of images, --no-cut; of a film, --max-frames),"
            " or raise it (--memory-budget)");
  EXPECT_TRUE(is_memory_of(1, *one) && is_memory_of(2, *too) && is_memory_of(3, *three));
  EXPECT_EQ(store->counts().images, 3);
}

TEST(MemoryStore, ATooLargeImageIsRefusedWhoeverHoldsWhat) {
  const auto store = make_store(kBytes);
  remember(*store, 1);
  EXPECT_EQ(
      refusal_of([&] { remember(*store, 2, kBytes + 1); }),
      "picture: an image needs 101 bytes of visual memory, but its budget is 100 bytes; raise "
      "it (--memory-budget)");
  EXPECT_TRUE(has(*store, 1)) << "nothing made way for what doesn't fit";
}

TEST(MemoryStore, MayEndBeforeWhoHoldsSomethingOfIt) {
  auto store = make_store(3 * kBytes);
  const ImageMemoryPtr memory = remember(*store, 1);
  const std::weak_ptr<MemoryStore> gone = store;
  store.reset();
  EXPECT_TRUE(gone.expired());
  EXPECT_TRUE(is_memory_of(1, *memory));
}

TEST(MemoryStore, LetsOneMakeWhatSeveralAskFor) {
  const auto store = make_store(kBytes);
  Room room = store->room("picture");
  MemoryStore::Found first = store->find(key_of(1), kBytes, room);
  const MemoryStore::Found second = store->find(key_of(1), kBytes, room);
  const Pending pending = std::get<Pending>(second);
  EXPECT_EQ(pending.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_FALSE(has(*store, 1)) << "it is not there yet";
  const ImageMemoryPtr made = std::get<Claim>(first).keep(make_memory(1));
  EXPECT_EQ(pending.get().get(), made.get());
}

TEST(MemoryStore, IsAsItWasWhenMakingFails) {
  const auto store = make_store(kBytes);
  Pending pending;
  {
    Room room = store->room("picture");
    const MemoryStore::Found claim = store->find(key_of(1), kBytes, room);
    pending = std::get<Pending>(store->find(key_of(1), kBytes, room));
    EXPECT_NE(refusal_of([&] { remember(*store, 2); }), "") << "the room is taken";
  }
  EXPECT_EQ(pending.get(), nullptr) << "who waited is told";
  EXPECT_EQ(store->counts().images, 0);
  EXPECT_EQ(store->counts().bytes, 0);
  remember(*store, 2);  // has the room again
  remember(*store, 1);  // and it can be made after all
}

TEST(MemoryStore, RefusesARequestBeforeItsWorkAndNotInIt) {
  const auto store = make_store(5 * kBytes);
  const ImageMemoryPtr held = remember(*store, 1);
  remember(*store, 2);
  Room three = store->room("three");
  EXPECT_TRUE(three.ask(3, kBytes)) << "image 2 can make way";
  Room two = store->room("two");
  EXPECT_FALSE(two.ask(2, kBytes)) << "three are promised";
  EXPECT_TRUE(two.ask(1, kBytes));
  std::vector<ImageMemoryPtr> all;
  for (const int number : {3, 4, 5}) {
    MemoryStore::Found found = store->find(key_of(number), kBytes, three);
    all.push_back(std::get<Claim>(found).keep(make_memory(number)));
    EXPECT_LE(store->counts().bytes, 5 * kBytes);
  }
  EXPECT_NE(refusal_of([&] { store->find(key_of(6), kBytes, three); }), "");
  EXPECT_TRUE(std::holds_alternative<Claim>(store->find(key_of(6), kBytes, two)));
}

TEST(MemoryStore, CountsWhatIsHeldAlreadyOnlyOnce) {
  const auto store = make_store(2 * kBytes);
  Room room = store->room("picture");
  ASSERT_TRUE(room.ask(2, kBytes));
  std::vector<ImageMemoryPtr> held;
  for (const int number : {1, 2, 1, 2, 1}) {
    MemoryStore::Found found = store->find(key_of(number), kBytes, room);
    auto* const claim = std::get_if<Claim>(&found);
    held.push_back(claim != nullptr ? claim->keep(make_memory(number))
                                    : std::get<ImageMemoryPtr>(found));
  }
  EXPECT_EQ(store->counts().held_bytes, 2 * kBytes);
}

TEST(MemoryStore, TakesNoMoreThanTheProcessMayHave) {
  int64_t available = 4 * kBytes;
  StoreLimits limits;
  limits.available = [&] { return available; };
  limits.asked_every = 0;
  limits.left_free = kBytes;
  const auto store = std::make_shared<MemoryStore>(std::move(limits));
  const ImageMemoryPtr held = remember(*store, 1);
  available -= kBytes;
  remember(*store, 2);
  available -= kBytes;
  Room room = store->room("film.mp4");
  EXPECT_TRUE(room.ask(3, kBytes)) << "two that are left, and one that can make way";
  const std::string refusal = refusal_of([&] { store->room("film.mp4").demand(1, kBytes); });
  EXPECT_NE(refusal.find("film.mp4: an image needs 100 bytes of visual memory, but 0 bytes are "
                         "available"),
            std::string::npos)
      << refusal;
  MemoryStore::Found third = store->find(key_of(3), kBytes, room);
  EXPECT_EQ(store->counts().evicted, 0);
  available = kBytes;  // no longer enough beside what is to be left free
  MemoryStore::Found fourth = store->find(key_of(4), kBytes, room);
  EXPECT_EQ(store->counts().evicted, 1);
  EXPECT_EQ(store->counts().images, 1) << "the one that is held";
}

TEST(MemoryStore, KeepsItsPromisesToManyThreads) {
  constexpr int kImages = 24;
  constexpr int64_t kBudget = 12 * 200;
  const auto bytes_of = [](int number) { return int64_t{90} + 10 * (number % 12); };
  const auto store = make_store(kBudget);
  std::array<std::atomic<int>, kImages> makers{};
  std::atomic<int> wrong = 0;
  std::atomic<int64_t> found_it = 0;
  std::atomic<int64_t> made_it = 0;
  std::atomic<int64_t> refused = 0;
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::deque<std::pair<int, ImageMemoryPtr>> held;
    for (int step = 0; step < 3000; ++step) {
      const int number = static_cast<int>(random() % kImages);
      try {
        Room room = store->room("picture");
        MemoryStore::Found found = store->find(key_of(number), bytes_of(number), room);
        if (auto* const claim = std::get_if<Claim>(&found)) {
          wrong += ++makers[static_cast<size_t>(number)] != 1;
          if (random() % 8 == 0) std::this_thread::yield();
          auto memory = make_memory(number);
          --makers[static_cast<size_t>(number)];
          if (random() % 4 != 0) {  // else it fails
            held.emplace_back(number, claim->keep(std::move(memory)));
            ++made_it;
          }
        } else if (auto* const pending = std::get_if<Pending>(&found)) {
          if (const ImageMemoryPtr memory = pending->get()) held.emplace_back(number, memory);
        } else {
          held.emplace_back(number, std::get<ImageMemoryPtr>(found));
          ++found_it;
        }
      } catch (const InputError&) {
        ++refused;
      }
      for (const auto& [whose, memory] : held) wrong += !is_memory_of(whose, *memory);
      wrong += store->counts().bytes > kBudget;
      while (held.size() > random() % 4) held.pop_front();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned seed = 1; seed <= 8; ++seed) threads.emplace_back(work, seed);
  }
  EXPECT_EQ(wrong, 0);
  const StoreCounts counts = store->counts();
  EXPECT_EQ(counts.hits, found_it);
  EXPECT_EQ(counts.held_bytes, 0);
  EXPECT_EQ(made_it - counts.evicted, counts.images);
  EXPECT_GT(counts.evicted, 100);
  EXPECT_GT(refused, 0);
  Room all = store->room("all");
  EXPECT_TRUE(all.ask(1, kBudget)) << "nothing of what was promised is left over";
}

}  // namespace
}  // namespace owl3
