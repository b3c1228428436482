#include "media/codecs/film_source.h"

extern "C" {
#include <libavutil/display.h>
}

#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "media/codecs/ffmpeg_log.h"
#include "media/codecs/film_decoder.h"
#include "media/decode_formats.h"
#include "media/orientation.h"

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

FrameTimes times_of(const Film& film, const VideoIndex& index, double fps) {
  const double time_base = av_q2d(film.stream->time_base);
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

/// As the file's header has it; each frame is checked too.
void check_frame_size(const AVCodecParameters& parameters, const std::string& name,
                      int64_t max_pixels) {
  constexpr int64_t kBytesPerPixel = 3 + 2 * 4;  // RGB, and a few frames of YUV
  if (parameters.width <= 0 || parameters.height <= 0) return;
  check_image_size(parameters.width, parameters.height, name, {max_pixels, {}}, kBytesPerPixel);
}

struct IndexedFilm final : FilmIndex {
  explicit IndexedFilm(const Film& film) : video(index_film(film)) {}

  VideoIndex video;
};

class FilmSource final : public FrameSource {
 public:
  FilmSource(std::filesystem::path path, const VideoOptions& options, FilmWatch& watch,
             std::shared_ptr<const FilmIndex> known)
      : path_(std::move(path)),
        options_(options),
        watch_(watch),
        indexed_(std::static_pointer_cast<const IndexedFilm>(std::move(known))) {
    const SilentFfmpeg silent;
    const Film film = open_film(path_, watch_);
    check_frame_size(*film.stream->codecpar, path_.string(), options_.max_pixels);
    if (indexed_ == nullptr) indexed_ = std::make_shared<IndexedFilm>(film);
    if (video().frames.empty()) {
      throw InputError(fmt::format("{}: the video has no frames", path_.string()));
    }
    times_ = times_of(film, video(), average_fps(film, video(), options_.sampling));
    orientation_ = display_orientation(*film.stream);
    converter_ = RgbConverter(frame_kind(*film.format, orientation_));
  }

  const FrameTimes& times() const override { return times_; }
  std::shared_ptr<const FilmIndex> index() const override { return indexed_; }
  bool breaks_off() const override { return video().breaks_off; }

  void want(std::vector<int64_t> frames) override {
    const SilentFfmpeg silent;
    decoder_.emplace(path_, video(), std::move(frames), options_, watch_);
  }

  std::optional<Image> decode(int64_t frame) override {
    const SilentFfmpeg silent;
    const AVFrame* decoded = decoder_->decode(frame);
    if (decoded == nullptr) return std::nullopt;
    is_damaged_ = decoder_->is_damaged() || video().frames[frame].damaged;
    return apply_orientation(converter_.convert(*decoded, path_.string(), options_.max_pixels),
                             orientation_);
  }
  bool is_damaged() const override { return is_damaged_; }
  bool ended() const override { return decoder_->ended(); }

 private:
  const VideoIndex& video() const { return indexed_->video; }

  std::filesystem::path path_;
  VideoOptions options_;
  FilmWatch& watch_;
  std::shared_ptr<const IndexedFilm> indexed_;
  FrameTimes times_;
  int orientation_ = 1;
  RgbConverter converter_{FrameKind::kFilm};
  std::optional<FilmDecoder> decoder_;
  bool is_damaged_ = false;
};

}  // namespace

/// Its first two rows and columns [a b; c d] take a stored pixel to x' = a x + c y,
/// y' = b x + d y.
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

FrameKind frame_kind(const AVFormatContext& film, int orientation) {
  const std::string_view format = film.iformat->name;
  if (format == "gif" || format == "apng") return FrameKind::kAnimation;
  return swaps_sides(orientation) ? FrameKind::kTurnedFilm : FrameKind::kFilm;
}

std::unique_ptr<FrameSource> open_film_source(const std::filesystem::path& path,
                                              const VideoOptions& options, FilmWatch& watch,
                                              std::shared_ptr<const FilmIndex> known) {
  return std::make_unique<FilmSource>(path, options, watch, std::move(known));
}

}  // namespace owl3
