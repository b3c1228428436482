#include "media/codecs/film.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "media/codecs/mov_tracks.h"

namespace owl3 {
namespace {

const AVInputFormat* film_format(const FfmpegInput& input, const std::string& name) {
  if (input.size() == 0) throw InputError(fmt::format("{}: the file is empty", name));
  const ProbedFormat probed = probe_format(input, name);
  if (probed.format != nullptr) return probed.format;
  throw InputError(
      fmt::format("{}: not a film of a known kind{}", name,
                  probed.found.empty() ? "" : "; FFmpeg takes it for " + probed.found));
}

bool is_film_stream(const AVStream& stream) {
  return stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
         (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0;
}

/// Refuses what has its pictures elsewhere, and sets alpha and depth, which FFmpeg takes for films
/// of their own, aside.
void look_at_tracks(const Film& film, const std::string& name) {
  const MovTracks movie = read_mov_tracks(*film.input);
  if (movie.only_refer()) {
    throw InputError(
        fmt::format("{}: its pictures lie in other files, which it only names; give those", name));
  }
  const size_t count = std::min<size_t>(movie.tracks.size(), film.format->nb_streams);
  for (size_t i = 0; i < count; ++i) {
    AVStream* stream = film.format->streams[i];
    if (movie.tracks[i].is_auxiliary) stream->codecpar->codec_type = AVMEDIA_TYPE_DATA;
  }
}

}  // namespace

int Film::read_packet(AVPacket* packet) const {
  int result = 0;
  do {
    av_packet_unref(packet);
    input->watch().check();
    result = av_read_frame(format.get(), packet);
  } while (result >= 0 && packet->stream_index != stream->index);
  if (result < 0) input->watch().check();  // not the film's end, nor damage
  return result;
}

Film open_film(const std::filesystem::path& path, FilmWatch& watch) {
  const std::string name = path.string();
  Film film{std::make_unique<FfmpegInput>(RegularFile::open(path), watch), nullptr, nullptr};
  watch.allow_seconds(film_seconds_allowed(film.input->size()));
  const AVInputFormat* kind = film_format(*film.input, name);
  film.format = open_format(*film.input, kind, name, "can't be opened as a film");
  AVFormatContext* format = film.format.get();
  avformat_find_stream_info(format, nullptr);
  watch.check();
  if (std::string_view(kind->name).starts_with("mov")) look_at_tracks(film, name);
  const int best = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (best < 0 || !is_film_stream(*format->streams[best])) {
    throw InputError(fmt::format("{}: has no video stream", name));
  }
  film.stream = format->streams[best];
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    if (format->streams[i] != film.stream) format->streams[i]->discard = AVDISCARD_ALL;
  }
  return film;
}

}  // namespace owl3
