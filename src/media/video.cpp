#include "media/video.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/threads.h"
#include "media/codecs.h"
#include "media/film_watch.h"
#include "media/webp_animation.h"

namespace owl3 {
namespace {

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

/// Animations may tell no rate of their own.
double rate_of(const FrameTimes& film) {
  if (film.fps > 0 && std::isfinite(film.fps)) return film.fps;
  return static_cast<double>(film.seconds.size()) / film.end_seconds;
}

void check_numbers(const std::vector<int64_t>& numbers, int64_t frames,
                   const std::filesystem::path& path) {
  if (numbers.empty()) throw UsageError(fmt::format("{}: no frame was chosen", path.string()));
  int64_t least = 0;
  for (const int64_t number : numbers) {
    if (number < 0 || number >= frames) {
      throw UsageError(
          fmt::format("{}: has {} frames, none of number {}", path.string(), frames, number));
    }
    if (number < least) {
      throw UsageError(fmt::format("{}: frame {} was chosen behind frame {}; they must ascend",
                                   path.string(), number, least));
    }
    least = number;
  }
}

}  // namespace

double film_seconds(const std::filesystem::path& path, const std::function<bool()>& keep_going) {
  if (!is_webp(path)) {
    FilmWatch watch(path.string(), keep_going);
    const FilmWatch::Working working(watch);
    if (const auto told = codecs(path.string()).told_film_seconds(path, watch)) return *told;
  }
  return VideoReader::open(path, {}, keep_going).duration_seconds();
}

struct VideoReader::Impl {
  std::filesystem::path path;
  std::unique_ptr<FilmWatch> watch;
  std::unique_ptr<FrameSource> source;
  std::vector<int64_t> wanted;  // frame numbers, as often as they are looked at
  size_t yielded = 0;           // of `wanted`, those next() is done with
  int64_t missing = 0;
  int64_t damaged = 0;
  VideoFrame last;         // kept while it comes again
  std::string breaks_off;  // said of a film that does
  std::string warning;

  bool comes_again() const {
    return yielded < wanted.size() && yielded > 0 && wanted[yielded] == wanted[yielded - 1];
  }

  VideoFrame repeat() {
    ++yielded;
    last.repeated = true;
    return comes_again() ? last : std::exchange(last, {});
  }

  VideoFrame take(Image image, int64_t number) {
    VideoFrame taken{std::move(image), source->times().seconds[number], number};
    if (source->is_damaged()) {
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
                              const std::function<bool()>& keep_going,
                              std::shared_ptr<const FilmIndex> known) {
  const auto choose = [&](const FrameTimes& film) {
    std::vector<int64_t> frames = choose_frames(film, options);
    if (frames.empty()) {
      throw InputError(fmt::format("{}: no frame from second {} on; the film is {:.2f} s long",
                                   path.string(), options.start_seconds, film.end_seconds));
    }
    return frames;
  };
  return open_with(path, choose, options, keep_going, std::move(known));
}

VideoReader VideoReader::open(const std::filesystem::path& path, const FrameChooser& choose,
                              const VideoOptions& options,
                              const std::function<bool()>& keep_going) {
  VideoOptions by_number = options;
  by_number.sampling = FrameSampling::kOfficial;  // its rate is the container's
  const auto choose_numbers = [&](const FrameTimes& film) {
    const auto count = static_cast<int64_t>(film.seconds.size());
    std::vector<int64_t> numbers = choose(count, rate_of(film));
    check_numbers(numbers, count, path);
    return numbers;
  };
  return open_with(path, choose_numbers, by_number, keep_going, nullptr);
}

VideoReader VideoReader::open_with(const std::filesystem::path& path, const Choose& choose,
                                   const VideoOptions& options,
                                   const std::function<bool()>& keep_going,
                                   std::shared_ptr<const FilmIndex> known) {
  check(options);
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->watch = std::make_unique<FilmWatch>(path.string(), keep_going);
  const FilmWatch::Working working(*impl->watch);
  if (is_webp(path)) {
    impl->source = std::make_unique<WebpAnimation>(path, *impl->watch, options.max_pixels);
  } else {
    const Codecs& films = codecs(path.string());
    impl->source = films.open_film(path, options, *impl->watch, std::move(known));
  }
  if (impl->source->breaks_off()) {
    impl->breaks_off = fmt::format("breaks off after {:.2f} s", impl->source->times().end_seconds);
    impl->warning = fmt::format("{}: the film {}", path.string(), impl->breaks_off);
  }
  impl->wanted = choose(impl->source->times());
  impl->source->want(impl->wanted);
  return VideoReader(std::move(impl));
}

int64_t VideoReader::frames() const {
  return static_cast<int64_t>(impl_->wanted.size());
}
double VideoReader::source_fps() const {
  return impl_->source->times().fps;
}
double VideoReader::duration_seconds() const {
  return impl_->source->times().end_seconds;
}
std::shared_ptr<const FilmIndex> VideoReader::index() const {
  return impl_->source->index();
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
    if (std::optional<Image> image = film.source->decode(number)) {
      return film.take(std::move(*image), number);
    }
    film.pass_over();
  }
  return std::nullopt;
}

}  // namespace owl3
