#include "media/codecs/film_length.h"

extern "C" {
#include <libavutil/dict.h>
#include <libavutil/parseutils.h>
}

#include <cmath>
#include <string_view>

#include "media/codecs/ffmpeg_log.h"
#include "media/codecs/film.h"

namespace owl3 {
namespace {

/// Matroska's muxers write it as a tag of the track: "00:01:02.500000000".
std::optional<double> tagged_seconds(const AVStream& stream) {
  const AVDictionaryEntry* tag = av_dict_get(stream.metadata, "DURATION", nullptr, 0);
  int64_t microseconds = 0;
  constexpr int kIsSpan = 1;
  if (tag == nullptr || av_parse_time(&microseconds, tag->value, kIsSpan) < 0) return std::nullopt;
  return static_cast<double>(microseconds) / AV_TIME_BASE;
}

}  // namespace

std::optional<double> told_film_seconds(const std::filesystem::path& path, FilmWatch& watch) {
  const SilentFfmpeg silent;
  const Film film = open_film(path, watch);
  const AVStream& stream = *film.stream;
  std::optional<double> seconds;
  // A number of frames stands where a header lists them all, not where a film comes in fragments,
  // of which the first may be all that was seen, nor where FFmpeg guesses from the file's size.
  if (stream.nb_frames > 0 && stream.duration != AV_NOPTS_VALUE) {
    seconds = static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  } else if (std::string_view(film.format->iformat->name).starts_with("matroska")) {
    seconds = tagged_seconds(stream);
  }
  return seconds && *seconds > 0 && std::isfinite(*seconds) ? seconds : std::nullopt;
}

}  // namespace owl3
