#include "media/video.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/threads.h"
#include "media/film_decoder.h"
#include "media/orientation.h"
#include "media/webp_animation.h"

namespace owl3 {
namespace {

/// The container's own word, which the official sampler goes by, unless the frames' times say that
/// it is wrong: it may count fields, or the time that a clock jumped over.
double average_fps(const Film& film, const VideoIndex& index, FrameSampling sampling) {
  const auto frames = static_cast<double>(index.frames.size());
  double measured = 0;
  if (index.has_timestamps && index.frames.size() > 1) {
    const int64_t shown = index.frames.back().pts - index.frames.front().pts;
    measured = (frames - 1) / (static_cast<double>(shown) * av_q2d(film.stream->time_base));
  }
  for (const AVRational rate : {film.stream->avg_frame_rate, film.stream->r_frame_rate}) {
    if (rate.num <= 0 || rate.den <= 0) continue;
    constexpr double kTolerance = 0.1;
    const double told = av_q2d(rate);
    const bool is_wrong = sampling != FrameSampling::kOfficial && measured > 0 &&
                          std::abs(told / measured - 1) > kTolerance;
    if (!is_wrong) return told;
  }
  if (measured > 0) return measured;
  const double seconds = static_cast<double>(film.format->duration) / AV_TIME_BASE;
  return seconds > 0 ? frames / seconds : 25.0;
}

FrameTimes times_of(const VideoIndex& index, double fps, double time_base) {
  FrameTimes times;
  times.fps = fps;
  const int64_t begin = index.frames.front().pts;
  for (size_t i = 0; i < index.frames.size(); ++i) {
    times.seconds.push_back(index.has_timestamps
                                ? static_cast<double>(index.frames[i].pts - begin) * time_base
                                : static_cast<double>(i) / fps);
  }
  times.end_seconds = index.has_timestamps && index.end_pts() > index.frames.back().pts
                          ? static_cast<double>(index.end_pts() - begin) * time_base
                          : times.seconds.back() + 1 / fps;
  return times;
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
  check_threads(options.threads);
}

}  // namespace

struct VideoReader::Impl {
  std::filesystem::path path;
  int64_t max_pixels = kMaxPixels;
  std::unique_ptr<FilmWatch> watch;
  VideoIndex index;
  FrameTimes times;
  int orientation = 1;
  std::vector<int64_t> wanted;  // frame numbers, as often as they are looked at
  size_t yielded = 0;           // of `wanted`, those next() is done with
  int64_t missing = 0;
  int64_t damaged = 0;
  std::unique_ptr<FrameSource> source;
  RgbConverter converter{FrameKind::kFilm};
  VideoFrame last;         // kept while it comes again
  std::string breaks_off;  // said of a film that does
  std::string warning;

  void open_film_file(FrameSampling sampling) {
    const Film film = open_film(path, *watch);
    check_frame_size(*film.stream->codecpar);
    index = index_film(film);
    if (index.frames.empty()) {
      throw InputError(fmt::format("{}: the video has no frames", path.string()));
    }
    times = times_of(index, average_fps(film, index, sampling), av_q2d(film.stream->time_base));
    orientation = display_orientation(*film.stream);
    converter = RgbConverter(frame_kind(film, orientation));
  }

  /// As the file's header has it; each frame is checked too.
  void check_frame_size(const AVCodecParameters& parameters) const {
    constexpr int64_t kBytesPerPixel = 3 + 2 * 4;  // RGB, and a few frames of YUV
    if (parameters.width <= 0 || parameters.height <= 0) return;
    check_image_size(parameters.width, parameters.height, path.string(), {max_pixels, {}},
                     kBytesPerPixel);
  }

  void open_webp() {
    auto animation = std::make_unique<WebpAnimation>(path, *watch, max_pixels);
    index = animation->index();
    const double fps = static_cast<double>(index.frames.size()) / animation->seconds();
    times = times_of(index, fps, WebpAnimation::kTimeBase);
    times.end_seconds = animation->seconds();
    orientation = animation->orientation();
    source = std::move(animation);
  }

  void choose(const VideoOptions& options) {
    wanted = choose_frames(times, options);
    if (wanted.empty()) {
      throw InputError(fmt::format("{}: no frame from second {} on; the film is {:.2f} s long",
                                   path.string(), options.start_seconds, times.end_seconds));
    }
  }

  bool comes_again() const {
    return yielded < wanted.size() && yielded > 0 && wanted[yielded] == wanted[yielded - 1];
  }

  VideoFrame repeat() {
    ++yielded;
    last.repeated = true;
    return comes_again() ? last : std::exchange(last, {});
  }

  VideoFrame take(const AVFrame& frame, int64_t number) {
    Image image = converter.convert(frame, path.string(), max_pixels);
    VideoFrame taken{apply_orientation(std::move(image), orientation), times.seconds[number],
                     number};
    if (source->is_damaged() || index.frames[number].damaged) {
      ++damaged;
      warn_of_damage();
    }
    if (comes_again()) last = taken;
    return taken;
  }

  /// The frame asked for last does not come out of the decoder.
  void pass_over() {
    while (comes_again()) ++yielded;
    ++missing;
    if (source->ended()) {
      for (; yielded < wanted.size(); ++yielded) {
        if (!comes_again()) ++missing;
      }
    }
    last = {};
    warn_of_damage();
  }

  void warn_of_damage() {
    std::string what;
    if (missing > 0) {
      what = fmt::format("{} of {} frames could not be decoded", missing, looked_at());
    }
    if (damaged > 0) {
      if (!what.empty()) what += ", ";
      what += fmt::format("{} of {} are patched or smeared", damaged, looked_at());
    }
    warning = fmt::format("{}: the film {}is damaged: {}", path.string(),
                          breaks_off.empty() ? "" : breaks_off + ", and ", what);
  }

  /// Frames, each counted once.
  int64_t looked_at() const {
    std::vector<int64_t> frames = wanted;
    return std::unique(frames.begin(), frames.end()) - frames.begin();
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
  impl->max_pixels = options.max_pixels;
  impl->watch = std::make_unique<FilmWatch>(path.string(), keep_going);
  const FilmWatch::Working working(*impl->watch);
  if (is_webp(path)) {
    impl->open_webp();
  } else {
    impl->open_film_file(options.sampling);
  }
  if (impl->index.breaks_off) {
    impl->breaks_off = fmt::format("breaks off after {:.2f} s", impl->times.end_seconds);
    impl->warning = fmt::format("{}: the film {}", path.string(), impl->breaks_off);
  }
  impl->choose(options);
  if (impl->source == nullptr) {
    impl->source =
        std::make_unique<FilmDecoder>(path, impl->index, impl->wanted, options, *impl->watch);
  }
  return VideoReader(std::move(impl));
}

int64_t VideoReader::frames() const {
  return static_cast<int64_t>(impl_->wanted.size());
}
double VideoReader::source_fps() const {
  return impl_->times.fps;
}
double VideoReader::duration_seconds() const {
  return impl_->times.end_seconds;
}
const std::string& VideoReader::warning() const {
  return impl_->warning;
}

std::optional<VideoFrame> VideoReader::next() {
  Impl& film = *impl_;
  const FilmWatch::Working working(*film.watch);
  while (film.yielded < film.wanted.size()) {
    if (film.comes_again() && !film.last.image.rgb.empty()) return film.repeat();
    const int64_t number = film.wanted[film.yielded++];
    if (const AVFrame* frame = film.source->decode(number)) return film.take(*frame, number);
    film.pass_over();
  }
  return std::nullopt;
}

}  // namespace owl3
