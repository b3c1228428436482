#include "media/codecs/mov_tracks.h"

#include <array>

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

void read_data_references(const FfmpegInput& input, const Box& dref, MovTrack& track) {
  for_each_box(input, dref.begin + 8, dref.end, [&](const Box& entry) {
    const bool own = (read_big_endian<4>(input, entry.begin) & 1) != 0;  // flags: self-contained
    (own ? track.has_own_data : track.has_references) = true;
  });
}

void read_track(const FfmpegInput& input, const Box& parent, MovTrack& track) {
  for_each_box(input, parent.begin, parent.end, [&](const Box& box) {
    switch (box.type) {
      case tag("mdia"):
      case tag("minf"):
      case tag("dinf"):
        return read_track(input, box, track);
      case tag("vmhd"):
        track.is_video = true;
        return;
      case tag("hdlr"):  // version and flags, 0, the type
        track.is_auxiliary |= read_big_endian<4>(input, box.begin + 8) == tag("auxv");
        return;
      case tag("dref"):
        return read_data_references(input, box, track);
      default:
        return;
    }
  });
}

void read_movie(const FfmpegInput& input, const Box& moov, MovTracks& movie) {
  for_each_box(input, moov.begin, moov.end, [&](const Box& box) {
    if (box.type == tag("rmra")) movie.names_films = true;
    if (box.type != tag("trak")) return;
    movie.tracks.emplace_back();
    read_track(input, box, movie.tracks.back());
  });
}

}  // namespace

bool MovTracks::only_refer() const {
  // A track without any entry keeps its data in the file, as players have it.
  const auto is_elsewhere = [](const MovTrack& t) { return t.has_references && !t.has_own_data; };
  bool elsewhere = names_films;
  for (const MovTrack& track : tracks) {
    if (!track.is_video) continue;
    if (!is_elsewhere(track)) return false;
    elsewhere = true;
  }
  return elsewhere;
}

MovTracks read_mov_tracks(const FfmpegInput& input) {
  MovTracks movie;
  for_each_box(input, 0, input.size(), [&](const Box& box) {
    if (box.type == tag("moov")) read_movie(input, box, movie);
  });
  return movie;
}

}  // namespace owl3
