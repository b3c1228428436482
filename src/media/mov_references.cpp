#include "media/mov_references.h"

#include <array>
#include <cstring>

namespace owl3 {
namespace {

constexpr uint32_t tag(const char (&text)[5]) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(text[i]);
  return value;
}

struct Box {
  uint32_t type = 0;
  int64_t begin = 0;  // of its content
  int64_t end = 0;
};

template <int Bytes>
uint64_t read_big_endian(const FfmpegInput& input, int64_t at) {
  std::array<uint8_t, Bytes> bytes{};
  if (input.read_at(at, bytes.data(), Bytes) != Bytes) return 0;
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

/// Calls `visit` for each box between two places of the file.
template <typename Visit>
void for_each_box(const FfmpegInput& input, int64_t at, int64_t end, const Visit& visit) {
  while (end - at >= 8 && !input.watch().stops()) {
    auto size = static_cast<int64_t>(read_big_endian<4>(input, at));
    Box box{static_cast<uint32_t>(read_big_endian<4>(input, at + 4)), at + 8, end};
    if (size == 1) {
      size = static_cast<int64_t>(read_big_endian<8>(input, at + 8));
      box.begin += 8;
    }
    if (size != 0) {  // 0: to the end
      if (size < box.begin - at || size > end - at) return;
      box.end = at + size;
    }
    visit(box);
    at = box.end;
  }
}

struct Track {
  bool is_video = false;
  bool has_own_data = false;
  bool has_references = false;
};

void read_data_references(const FfmpegInput& input, const Box& dref, Track& track) {
  for_each_box(input, dref.begin + 8, dref.end, [&](const Box& entry) {
    const bool own = (read_big_endian<4>(input, entry.begin) & 1) != 0;  // flags: self-contained
    (own ? track.has_own_data : track.has_references) = true;
  });
}

void read_track(const FfmpegInput& input, const Box& parent, Track& track) {
  for_each_box(input, parent.begin, parent.end, [&](const Box& box) {
    switch (box.type) {
      case tag("mdia"):
      case tag("minf"):
      case tag("dinf"):
        return read_track(input, box, track);
      case tag("vmhd"):
        track.is_video = true;
        return;
      case tag("dref"):
        return read_data_references(input, box, track);
      default:
        return;
    }
  });
}

struct Movie {
  bool names_films = false;
  bool has_own_video = false;
  bool has_video_elsewhere = false;
};

Movie read_movie(const FfmpegInput& input, const Box& moov) {
  Movie movie;
  for_each_box(input, moov.begin, moov.end, [&](const Box& box) {
    if (box.type == tag("rmra")) movie.names_films = true;
    if (box.type != tag("trak")) return;
    Track track;
    read_track(input, box, track);
    if (!track.is_video) return;
    // No entry at all: taken for the file's own, as players do.
    const bool elsewhere = track.has_references && !track.has_own_data;
    (elsewhere ? movie.has_video_elsewhere : movie.has_own_video) = true;
  });
  return movie;
}

}  // namespace

bool is_reference_movie(const FfmpegInput& input) {
  bool found = false;
  for_each_box(input, 0, input.size(), [&](const Box& box) {
    if (box.type != tag("moov")) return;
    const Movie movie = read_movie(input, box);
    found |= !movie.has_own_video && (movie.names_films || movie.has_video_elsewhere);
  });
  return found;
}

}  // namespace owl3
