#include "media/video.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "media/film_decoder.h"
#include "media/orientation.h"
#include "media/webp_animation.h"

namespace owl3 {
namespace {

double average_fps(const Film& film, int64_t frames) {
  for (const AVRational rate : {film.stream->avg_frame_rate, film.stream->r_frame_rate}) {
    if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
  }
  const double seconds = static_cast<double>(film.format->duration) / AV_TIME_BASE;
  return seconds > 0 ? static_cast<double>(frames) / seconds : 25.0;
}

/// The EXIF orientation that equals the film's display matrix, whose first two rows and columns
/// [a b; c d] take a stored pixel to x' = a x + c y, y' = b x + d y.
int display_orientation(const AVStream& stream) {
  size_t size = 0;
  const uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (data == nullptr || size < 9 * sizeof(int32_t)) return 1;
  const auto* matrix = reinterpret_cast<const int32_t*>(data);
  const int64_t a = matrix[0];
  const int64_t b = matrix[1];
  const int64_t c = matrix[3];
  const int64_t d = matrix[4];
  if (std::abs(b) > std::abs(a) && std::abs(c) > std::abs(d)) {
    if (b > 0) return c > 0 ? 5 : 6;
    return c > 0 ? 8 : 7;
  }
  if (a < 0) return d < 0 ? 3 : 2;
  return d < 0 ? 4 : 1;
}

FrameKind frame_kind(const Film& film, int orientation) {
  const std::string_view format = film.format->iformat->name;
  if (format == "gif" || format == "apng") return FrameKind::kAnimation;
  return swaps_sides(orientation) ? FrameKind::kTurnedFilm : FrameKind::kFilm;
}

void check(const VideoOptions& options) {
  const bool starts = std::isfinite(options.start_seconds) && options.start_seconds >= 0;
  const bool ends = std::isfinite(options.end_seconds) && options.end_seconds >= 0;
  if (!starts || !ends ||
      (options.end_seconds > 0 && options.end_seconds <= options.start_seconds)) {
    throw UsageError(fmt::format("the part of a video from second {} to {} is empty",
                                 options.start_seconds, options.end_seconds));
  }
}

}  // namespace

struct VideoReader::Impl {
  std::filesystem::path path;
  std::unique_ptr<FilmWatch> watch;
  VideoIndex index;
  double fps = 0;
  double time_base = 0;
  int orientation = 1;
  std::vector<int64_t> wanted;  // frame numbers
  size_t yielded = 0;           // of `wanted`, those next() is done with
  int64_t missing = 0;
  std::unique_ptr<FrameSource> source;
  RgbConverter converter{FrameKind::kFilm};
  std::string warning;

  void open_film_file() {
    const Film film = open_film(path, *watch);
    index = index_film(film);
    if (index.frames.empty()) {
      throw InputError(fmt::format("{}: the video has no frames", path.string()));
    }
    fps = average_fps(film, static_cast<int64_t>(index.frames.size()));
    time_base = av_q2d(film.stream->time_base);
    orientation = display_orientation(*film.stream);
    converter = RgbConverter(frame_kind(film, orientation));
  }

  void open_webp() {
    auto animation = std::make_unique<WebpAnimation>(path, *watch);
    index = animation->index();
    fps = static_cast<double>(index.frames.size()) / animation->seconds();
    time_base = WebpAnimation::kTimeBase;
    orientation = animation->orientation();
    source = std::move(animation);
  }

  double seconds_of(int64_t frame) const {
    if (!index.has_timestamps) return static_cast<double>(frame) / fps;
    return static_cast<double>(index.frames[frame].pts - index.frames.front().pts) * time_base;
  }

  double duration() const {
    return seconds_of(static_cast<int64_t>(index.frames.size()) - 1) + 1 / fps;
  }

  /// The number of the first frame shown at or after `seconds`.
  int64_t frame_at(double seconds) const {
    int64_t begin = 0;
    auto end = static_cast<int64_t>(index.frames.size());
    while (begin < end) {
      const int64_t middle = (begin + end) / 2;
      if (seconds_of(middle) < seconds) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin;
  }

  void choose_frames(const VideoOptions& options) {
    const int64_t first = frame_at(options.start_seconds);
    const int64_t last = options.end_seconds > 0 ? frame_at(options.end_seconds)
                                                 : static_cast<int64_t>(index.frames.size());
    wanted = sample_frames(last - first, fps, options.fps, options.max_frames);
    for (int64_t& frame : wanted) frame += first;
    if (wanted.empty()) {
      throw InputError(fmt::format("{}: no frame from second {} on; the video is {:.2f} s long",
                                   path.string(), options.start_seconds, duration()));
    }
  }

  void warn_of_missing_frames() {
    warning = fmt::format("{}: the video is damaged: {} of {} frames could not be decoded",
                          path.string(), missing, wanted.size());
  }
};

VideoReader::VideoReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;
VideoReader::~VideoReader() = default;

VideoReader VideoReader::open(const std::filesystem::path& path, const VideoOptions& options,
                              const std::function<bool()>& keep_going) {
  check(options);
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->watch = std::make_unique<FilmWatch>(path.string(), keep_going);
  const FilmWatch::Working working(*impl->watch);
  if (is_webp(path)) {
    impl->open_webp();
  } else {
    impl->open_film_file();
  }
  if (impl->index.breaks_off) {
    impl->warning =
        fmt::format("{}: the video breaks off after {:.2f} s", path.string(), impl->duration());
  }
  impl->choose_frames(options);
  if (impl->source == nullptr) {
    impl->source = std::make_unique<FilmDecoder>(path, impl->index, impl->wanted, options.threads,
                                                 *impl->watch);
  }
  return VideoReader(std::move(impl));
}

int64_t VideoReader::frames() const {
  return static_cast<int64_t>(impl_->wanted.size());
}
double VideoReader::source_fps() const {
  return impl_->fps;
}
double VideoReader::duration_seconds() const {
  return impl_->duration();
}
const std::string& VideoReader::warning() const {
  return impl_->warning;
}

std::optional<VideoFrame> VideoReader::next() {
  Impl& film = *impl_;
  const FilmWatch::Working working(*film.watch);
  while (film.yielded < film.wanted.size()) {
    const int64_t number = film.wanted[film.yielded++];
    if (const AVFrame* frame = film.source->decode(number)) {
      Image image = film.converter.convert(*frame, film.path.string(), DecodeOptions().max_pixels);
      return VideoFrame{apply_orientation(std::move(image), film.orientation),
                        film.seconds_of(number), number};
    }
    const auto rest = static_cast<int64_t>(film.wanted.size() - film.yielded);
    film.missing += film.source->ended() ? rest + 1 : 1;
    if (film.source->ended()) film.yielded = film.wanted.size();
    film.warn_of_missing_frames();
  }
  return std::nullopt;
}

}  // namespace owl3
