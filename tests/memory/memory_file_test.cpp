// Memory files: written so that they are whole at any moment, read so that no damage goes unseen.
#include "memory/memory_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "core/scratch_folder.h"
#include "memory/memory_writer.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kRecord = 2 * kPageBytes;

MemoryStamp stamp() {
  MemoryStamp stamp;
  stamp.weights = "a";
  stamp.preprocessing = "plain";
  stamp.layout = "bytes";
  stamp.model_name = "nobody";
  return stamp;
}

ContentHash pixels(int number) {
  ContentHash hash{};
  hash.bytes[0] = static_cast<uint8_t>(number);
  hash.bytes[1] = static_cast<uint8_t>(number >> 8);
  return hash;
}

std::vector<std::byte> record(int number) {
  std::vector<std::byte> bytes(kRecord);
  std::mt19937 random(static_cast<uint32_t>(number));
  for (std::byte& byte : bytes) byte = std::byte(random() & 0xFF);
  return bytes;
}

MediumRecord photo(int number, uint32_t image) {
  MediumRecord medium;
  medium.path = fmt::format("{}.jpg", number);
  medium.absolute = "/photos/" + medium.path;
  medium.taken = "2024-07-01T12:33:05";
  medium.images = {image};
  return medium;
}

void add_photo(MemoryWriter& writer, int number) {
  writer.media().push_back(photo(number, writer.add(pixels(number), record(number))));
}

void write_photos(const fs::path& path, int first, int last) {
  MemoryWriter writer(path, stamp(), kRecord);
  for (int number = first; number <= last; ++number) add_photo(writer, number);
  writer.settle();
}

/// The numbers of the photos in the file, whose records are as they were written.
std::vector<int> photos_of(const fs::path& path) {
  const auto memory = MemoryFile::open(path);
  std::vector<int> numbers;
  for (const MediumRecord& medium : memory->catalogue().media) {
    const int number = std::stoi(medium.path);
    const uint32_t image = medium.images.at(0);
    if (!memory->is_whole(image)) continue;
    const auto bytes = memory->record(image);
    EXPECT_EQ(std::vector<std::byte>(bytes.begin(), bytes.end()), record(number)) << number;
    numbers.push_back(number);
  }
  return numbers;
}

MemoryVerification verify(const fs::path& path) {
  return verify_memory(path, [](uint64_t, uint64_t) {});
}

void write_text(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

class MemoryFileTest : public testing::Test {
 protected:
  ScratchFolder folder_;
  fs::path path_ = folder_ / "a.owlmem";
};

TEST_F(MemoryFileTest, HoldsWhatWasWritten) {
  MediumRecord film;
  film.is_video = true;
  film.path = "film.mp4";
  film.images = {1, 0, 1};
  film.seconds = {0, 1.5, 3};
  film.reading.background = Colour{1, 2, 3};
  film.reading.fps = 0.5;
  film.warning = "breaks off";
  {
    MemoryWriter writer(path_, stamp(), kRecord);
    add_photo(writer, 7);
    EXPECT_EQ(writer.add(pixels(8), record(8)), 1U);
    EXPECT_EQ(writer.add(pixels(7), record(7)), 0U) << "is there already";
    writer.media().push_back(film);
    writer.settle();
  }
  const auto memory = MemoryFile::open(path_);
  EXPECT_TRUE(memory->warnings().empty());
  EXPECT_EQ(memory->catalogue().stamp.model_name, "nobody");
  EXPECT_EQ(memory->catalogue().images.size(), 2U);
  ASSERT_EQ(memory->catalogue().media.size(), 2U);
  EXPECT_EQ(memory->catalogue().media[0].taken, "2024-07-01T12:33:05");
  const MediumRecord& again = memory->catalogue().media[1];
  EXPECT_EQ(again.images, film.images);
  EXPECT_EQ(again.seconds, film.seconds);
  EXPECT_EQ(again.reading, film.reading);
  EXPECT_EQ(again.warning, film.warning);
  for (uint32_t image : {0U, 1U}) {
    EXPECT_TRUE(memory->is_whole(image));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->record(image).data()) % kPageBytes, 0U);
  }
  const MemoryVerification verified = verify(path_);
  EXPECT_TRUE(verified.damage.empty()) << verified.damage.front();
  EXPECT_TRUE(verified.notes.empty());
  EXPECT_EQ(verified.images, 2);
}

TEST_F(MemoryFileTest, EveryFlippedBitIsFoundAndTheRestStaysUsable) {
  write_photos(path_, 1, 4);
  const std::string whole = read_text(path_);
  std::mt19937 random(1);
  // Some in every page, and the first and last byte of each.
  for (size_t page = 0; page < whole.size(); page += kPageBytes) {
    std::vector<size_t> places = {page, page + kPageBytes - 1};
    for (int i = 0; i < 5; ++i) places.push_back(page + random() % kPageBytes);
    for (int i = 0; i < 4; ++i) places.push_back(page + random() % 100);
    for (const size_t place : places) {
      std::string damaged = whole;
      damaged[place] = static_cast<char>(damaged[place] ^ (1 << random() % 8));
      write_text(path_, damaged);
      EXPECT_FALSE(verify(path_).damage.empty()) << place;
      EXPECT_GE(photos_of(path_).size(), 3U) << place;
    }
  }
}

TEST_F(MemoryFileTest, ADamagedRecordIsNamed) {
  write_photos(path_, 1, 3);
  std::string bytes = read_text(path_);
  const uint64_t offset = MemoryFile::open(path_)->catalogue().images[1].offset;
  bytes[offset + 100] = static_cast<char>(bytes[offset + 100] ^ 1);
  write_text(path_, bytes);
  const MemoryVerification verified = verify(path_);
  ASSERT_EQ(verified.damage.size(), 1U);
  EXPECT_EQ(verified.damage[0], "2.jpg: is damaged");
  EXPECT_EQ(verified.damaged_images, 1);
  EXPECT_EQ(photos_of(path_), (std::vector<int>{1, 3}));
}

TEST_F(MemoryFileTest, OfTwoWritersOneIsRefused) {
  MemoryWriter writer(path_, stamp(), kRecord);
  const std::string refusal = message_of<InputError>([&] { MemoryWriter other(path_); });
  EXPECT_NE(refusal.find("a.owlmem: another process is writing to it"), std::string::npos);
}

TEST_F(MemoryFileTest, WhoMadeItTakesItAwayWhereNothingCameIntoIt) {
  {
    MemoryWriter writer(path_, stamp(), kRecord);
    add_photo(writer, 1);
    writer.leave_nothing();
    EXPECT_FALSE(fs::exists(path_)) << "nothing was committed";
  }
  write_photos(path_, 1, 1);
  MemoryWriter writer(path_, stamp(), kRecord);
  writer.leave_nothing();
  EXPECT_EQ(photos_of(path_), std::vector<int>{1}) << "it was there before";
}

TEST_F(MemoryFileTest, OfManyWhoMakeItAtOnceOneWrites) {
  std::atomic<int> wrote = 0;
  std::atomic<int> refused = 0;
  const auto write = [&](int number) {
    try {
      MemoryWriter writer(path_, stamp(), kRecord);
      add_photo(writer, number);
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      writer.settle();
      ++wrote;
    } catch (const InputError&) {
      ++refused;
    }
  };
  std::vector<std::thread> threads;
  for (int number = 1; number <= 4; ++number) threads.emplace_back(write, number);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrote, 1);
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(photos_of(path_).size(), 1U);
}

TEST_F(MemoryFileTest, ADamagedRecordIsReplacedForAllThatHaveIt) {
  write_photos(path_, 1, 3);
  {
    MemoryWriter writer(path_);
    writer.media().push_back(photo(4, 1));  // as 2.jpg
    writer.settle();
  }
  std::string bytes = read_text(path_);
  bytes[MemoryFile::open(path_)->catalogue().images[1].offset + 5] ^= 1;
  write_text(path_, bytes);
  {
    MemoryWriter writer(path_);
    EXPECT_TRUE(writer.is_whole(0));
    EXPECT_FALSE(writer.is_whole(1));
    EXPECT_FALSE(writer.find(pixels(2))) << "it counts as not there";
    EXPECT_EQ(writer.add(pixels(2), record(2)), 1U);
    EXPECT_TRUE(writer.is_whole(1));
    writer.settle();
  }
  const auto whole = MemoryFile::open(path_);
  for (const MediumRecord& medium : whole->catalogue().media) {
    EXPECT_TRUE(whole->is_whole(medium.images[0])) << medium.path;
  }
  EXPECT_EQ(whole->catalogue().images.size(), 3U);
  EXPECT_TRUE(verify(path_).damage.empty());
}

TEST_F(MemoryFileTest, OfOneBeyondUseItIsSaidWhatToDo) {
  write_photos(path_, 1, 2);
  const std::string bytes = read_text(path_);
  for (const size_t left : {size_t{5000}, bytes.size() / 2}) {
    write_text(path_, bytes.substr(0, left));
    std::string damaged = read_text(path_);
    if (left == 5000) damaged[100] ^= 1;
    write_text(path_, damaged);
    const std::string refusal = message_of<InputError>([&] { MemoryFile::open(path_); });
    EXPECT_NE(refusal.find("remove it, and owl3 index makes it anew"), std::string::npos)
        << refusal;
  }
}

TEST_F(MemoryFileTest, ReadersReadOnWhileItIsChanged) {
  write_photos(path_, 1, 6);
  const auto reader = MemoryFile::open(path_);
  {
    MemoryWriter writer(path_);
    writer.media().erase(writer.media().begin(), writer.media().begin() + 5);
    writer.settle();
    for (int number = 20; number < 26; ++number) add_photo(writer, number);
    writer.settle();
  }
  for (uint32_t image = 0; image < 6; ++image) {
    const auto bytes = reader->record(image);
    EXPECT_EQ(std::vector<std::byte>(bytes.begin(), bytes.end()),
              record(static_cast<int>(image) + 1));
  }
  EXPECT_EQ(photos_of(path_), (std::vector<int>{6, 20, 21, 22, 23, 24, 25}));
  EXPECT_TRUE(verify(path_).damage.empty());
}

TEST_F(MemoryFileTest, GivesBackTheRoomOfWhatIsRemoved) {
  write_photos(path_, 1, 40);
  const auto full = fs::file_size(path_);
  {
    MemoryWriter writer(path_);
    writer.media().erase(writer.media().begin() + 10, writer.media().end());
    writer.settle();
  }
  EXPECT_LT(fs::file_size(path_), full - 25 * kRecord);
  {
    MemoryWriter writer(path_);
    writer.media().erase(writer.media().begin(), writer.media().begin() + 5);
    writer.settle();
  }
  EXPECT_TRUE(verify(path_).damage.empty()) << "what was there is zero now";
  const auto before = fs::file_size(path_);
  write_photos(path_, 50, 54);
  EXPECT_LE(fs::file_size(path_), before + 4 * kPageBytes) << "taken again";
  EXPECT_TRUE(verify(path_).damage.empty());
}

TEST_F(MemoryFileTest, WhatIsNotCommittedIsNotThere) {
  write_photos(path_, 1, 2);
  {
    MemoryWriter writer(path_);
    for (int number = 3; number < 30; ++number) add_photo(writer, number);
  }
  EXPECT_EQ(photos_of(path_), (std::vector<int>{1, 2}));
}

TEST_F(MemoryFileTest, OnAFullDiskItIsAsItWasCommittedLast) {
  write_photos(path_, 1, 3);
  const auto size = fs::file_size(path_);
  for (uint64_t room = 0; room < 10 * kPageBytes; room += kPageBytes / 2) {
    const fs::path copy = folder_ / fmt::format("{}.owlmem", room);
    fs::copy_file(path_, copy);
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit = {size + room, size + room};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      try {
        MemoryWriter writer(copy);
        for (int number = 4; number < 9; ++number) {
          add_photo(writer, number);
          writer.commit();
        }
        writer.settle();
      } catch (const InputError&) {
        ::_exit(3);
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 3);
    const std::vector<int> photos = photos_of(copy);
    EXPECT_GE(photos.size(), 3U);
    for (size_t i = 0; i < photos.size(); ++i) EXPECT_EQ(photos[i], static_cast<int>(i) + 1);
    write_photos(copy, 20, 21);
    EXPECT_EQ(photos_of(copy).size(), photos.size() + 2);
    EXPECT_TRUE(verify(copy).damage.empty());
  }
}

TEST_F(MemoryFileTest, AKilledWriterLeavesItWhole) {
  write_photos(path_, 1, 3);
  for (int round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        MemoryWriter writer(path_);
        for (int number = 100;; ++number) {
          add_photo(writer, number);
          if (number % 2 == 0) writer.commit();
          if (number % 5 == 0) {
            writer.media().resize(3);
            writer.settle();
          }
        }
      } catch (...) {
      }
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(3000 + 1700 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const std::vector<int> photos = photos_of(path_);
    ASSERT_GE(photos.size(), 3U);
    EXPECT_EQ((std::vector<int>{photos[0], photos[1], photos[2]}), (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(photos.size(), MemoryFile::open(path_)->catalogue().media.size());
    const MemoryVerification verified = verify(path_);
    EXPECT_EQ(verified.damaged_images, 0);
  }
  {
    MemoryWriter writer(path_);
    writer.media().resize(3);
    writer.settle();
  }
  const MemoryVerification verified = verify(path_);
  EXPECT_TRUE(verified.damage.empty()) << verified.damage.front();
  EXPECT_TRUE(verified.notes.empty()) << verified.notes.front();
  EXPECT_LT(fs::file_size(path_), 20 * kPageBytes);
}

TEST_F(MemoryFileTest, OfOneThatWasCutOffTheRestStaysUsable) {
  write_photos(path_, 1, 8);
  const std::string whole = read_text(path_);
  size_t readable = 0;
  for (size_t size = 0; size < whole.size(); size += 3500) {
    write_text(path_, whole.substr(0, size));
    try {
      const std::vector<int> photos = photos_of(path_);
      EXPECT_FALSE(verify(path_).damage.empty()) << size;
      ++readable;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find("a.owlmem: "), std::string::npos);
      EXPECT_EQ(std::string(error.what()).find("is used"), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(readable, 0U);
  write_text(path_, whole.substr(0, whole.size() - kPageBytes));
  write_photos(path_, 1, 8);
  EXPECT_TRUE(verify(path_).damage.empty()) << "mended by who writes next";
}

TEST_F(MemoryFileTest, WhatIsNoneIsRefusedByOneLine) {
  write_text(path_, "");
  EXPECT_NE(message_of<InputError>([&] { MemoryFile::open(path_); }).find("is no visual memory"),
            std::string::npos);
  write_text(path_, std::string(100'000, 'x'));
  EXPECT_NE(message_of<InputError>([&] { MemoryFile::open(path_); }).find("is no visual memory"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { MemoryWriter writer(path_); }).find("is no visual memory"),
            std::string::npos);
  EXPECT_EQ(read_text(path_), std::string(100'000, 'x')) << "and left as it is";
  EXPECT_NE(message_of<InputError>([&] { MemoryFile::open(folder_.path()); }), "");
  EXPECT_NE(message_of<InputError>([&] { MemoryFile::open(folder_ / "none"); }), "");
}

TEST_F(MemoryFileTest, AnotherVersionIsRefusedByItsNumber) {
  write_photos(path_, 1, 1);
  std::string bytes = read_text(path_);
  for (const size_t page : {size_t{0}, size_t{kPageBytes}}) {
    bytes[page + 8] = 2;
    const Checksum sum =
        checksum_of(std::as_bytes(std::span(bytes).subspan(page, kPageBytes - sizeof(Checksum))));
    std::copy(sum.begin(), sum.end(), bytes.begin() + static_cast<std::ptrdiff_t>(page) + 4080);
  }
  write_text(path_, bytes);
  EXPECT_NE(message_of<InputError>([&] { MemoryFile::open(path_); }).find("is of version 2"),
            std::string::npos);
}

TEST_F(MemoryFileTest, WhatItWasMadeWithIsTold) {
  write_photos(path_, 1, 1);
  const auto refusal = [&](const std::function<void(MemoryStamp&)>& change) {
    MemoryStamp other = stamp();
    change(other);
    return message_of<InputError>([&] { MemoryWriter writer(path_, other, kRecord); });
  };
  using S = MemoryStamp;
  EXPECT_NE(refusal([](S& s) { s.weights = "b"; }).find("another model (nobody)"),
            std::string::npos);
  EXPECT_NE(refusal([](S& s) { s.adapters = "b"; }).find("without adapters"), std::string::npos);
  EXPECT_NE(refusal([](S& s) { s.preprocessing = "b"; }).find("another preprocessing"),
            std::string::npos);
  EXPECT_NE(refusal([](S& s) { s.visual_memory_int8 = true; }).find("another precision"),
            std::string::npos);
  EXPECT_NE(refusal([](S& s) { s.layout = "b"; }).find("another layout"), std::string::npos);
}

/// Somebody who writes a catalogue to do harm gets its checksums right.
TEST_F(MemoryFileTest, AHostileCatalogueIsRefusedOrHarmless) {
  Catalogue catalogue;
  catalogue.stamp = stamp();
  catalogue.record_bytes = kRecord;
  for (uint32_t i = 0; i < 3; ++i) {
    catalogue.images.push_back({pixels(static_cast<int>(i)), kFirstFreeByte + i * kRecord, {}});
    catalogue.media.push_back(photo(static_cast<int>(i), i));
  }
  const uint64_t file_bytes = kFirstFreeByte + 3 * kRecord;
  const std::vector<std::byte> whole = encode_catalogue(catalogue);
  EXPECT_EQ(parse_catalogue(whole, file_bytes).media.size(), 3U);
  const auto refused = [&](const std::function<void(Catalogue&)>& change) {
    Catalogue changed = catalogue;
    change(changed);
    EXPECT_THROW(parse_catalogue(encode_catalogue(changed), file_bytes), InputError);
  };
  refused([](Catalogue& c) { c.record_bytes = 0; });
  refused([](Catalogue& c) { c.record_bytes = UINT64_MAX - kPageBytes + 1; });
  refused([](Catalogue& c) { c.images[0].offset = kPageBytes; });
  refused([](Catalogue& c) { c.images[1].offset += 8; });
  refused([](Catalogue& c) { c.images[2].offset = UINT64_MAX - kPageBytes + 1; });
  refused([](Catalogue& c) { c.images[1].offset = c.images[0].offset + kPageBytes; });
  refused([](Catalogue& c) { c.media[0].images = {3}; });
  refused([](Catalogue& c) { c.media[0].images = {}; });
  refused([](Catalogue& c) { c.media[0].rows = 1000; });
  refused([](Catalogue& c) { c.media[0].path = ""; });
  refused([](Catalogue& c) { c.media[0].path = std::string("a\0b", 3); });
  refused([](Catalogue& c) { c.media[0].path = std::string(1 << 20, 'a'); });
  refused([](Catalogue& c) { c.media[0].taken = "yesterday"; });
  refused([](Catalogue& c) { c.media[0].width = -1; });
  refused([](Catalogue& c) {
    c.media[0].is_video = true;
    c.media[0].seconds = {std::numeric_limits<double>::quiet_NaN()};
  });
  std::mt19937 random(2);
  for (int i = 0; i < 3000; ++i) {
    std::vector<std::byte> changed = whole;
    for (uint32_t flips = random() % 4; flips-- > 0;)
      changed[random() % 900] = std::byte(random() & 0xFF);
    try {
      parse_catalogue(std::span(changed).first(random() % 3 == 0 ? random() % 900 : whole.size()),
                      file_bytes);
    } catch (const InputError&) {
    }
  }
}

}  // namespace
}  // namespace owl3
