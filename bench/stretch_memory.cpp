// Makes a long film of a short one in a memory file, so that asking about hours can be timed
// without encoding hours:
//   owl3 index clip.mp4 -o film.owlmem --model /tmp/2b --visual-memory-int8
//   build/release/bench/stretch_memory film.owlmem 7200
// The frames of the file's first film are written again, in turn, a second apart, until it has so
// many; each has keys and values of its own in the file.
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "memory/memory_file.h"
#include "memory/memory_writer.h"

namespace owl3 {
namespace {

/// No picture has it: a number where pictures have a digest.
ContentHash hash_of_copy(uint64_t number) {
  ContentHash hash{};
  std::memcpy(hash.bytes.data(), &number, sizeof(number));
  return hash;
}

std::vector<std::vector<std::byte>> records_of(const std::string& path, size_t& film) {
  const auto file = MemoryFile::open(path);
  const std::vector<MediumRecord>& media = file->catalogue().media;
  film = 0;
  while (film < media.size() && !media[film].is_video) ++film;
  if (film == media.size()) throw InputError(path + ": has no film");
  std::vector<std::vector<std::byte>> records;
  for (const uint32_t image : media[film].images) {
    const std::span<const std::byte> record = file->record(image);
    records.emplace_back(record.begin(), record.end());
  }
  return records;
}

void stretch(const std::string& path, size_t frames) {
  constexpr size_t kFramesOfACommit = 500;
  size_t film = 0;
  const std::vector<std::vector<std::byte>> records = records_of(path, film);
  MemoryWriter writer(path);
  while (writer.catalogue().media[film].images.size() < frames) {
    const size_t number = writer.catalogue().media[film].images.size();
    const uint32_t image = writer.add(hash_of_copy(number), records[number % records.size()]);
    MediumRecord& medium = writer.media()[film];
    medium.images.push_back(image);
    medium.seconds.push_back(medium.seconds.back() + 1);
    if (number % kFramesOfACommit == 0) writer.commit();
  }
  writer.settle();
}

}  // namespace
}  // namespace owl3

int main(int argc, char** argv) {
  const std::string_view count = argc == 3 ? argv[2] : "";
  size_t frames = 0;
  const auto parsed = std::from_chars(count.data(), count.data() + count.size(), frames);
  if (count.empty() || parsed.ptr != count.data() + count.size()) {
    fmt::print(stderr, "usage: stretch_memory FILE.owlmem FRAMES\n");
    return 2;
  }
  try {
    owl3::stretch(argv[1], frames);
  } catch (const owl3::Error& error) {
    fmt::print(stderr, "stretch_memory: {}\n", error.what());
    return 1;
  }
}
