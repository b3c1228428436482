#include "media/codecs/live_film.h"

#include <dlfcn.h>

#include <chrono>
#include <string>
#include <utility>

#include "core/error.h"
#include "media/codecs/ffmpeg_input.h"
#include "media/codecs/ffmpeg_log.h"
#include "media/codecs/film_source.h"
#include "media/codecs/live_bytes.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

/// What a stream's beginning is looked at for, at most: the first frame is waited for so long.
constexpr int64_t kAnalyzedMicroseconds = 1'000'000;
/// After which a silent connection counts as lost.
constexpr const char* kTimeoutMicroseconds = "15000000";

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The times of a stream's frames as one clock from its first frame on: joined recordings and
/// encoders that start again set theirs back.
class StreamClock {
 public:
  explicit StreamClock(AVRational time_base) : time_base_(av_q2d(time_base)) {}

  double at(int64_t timestamp) {
    const double next = last_ + (has_begun_ ? step_ : 0);
    has_begun_ = true;
    if (timestamp == AV_NOPTS_VALUE) return last_ = next;
    const double stamp = static_cast<double>(timestamp) * time_base_;
    double seconds = stamp + offset_;
    if (!has_offset_ || seconds < last_ || seconds > last_ + kLongestStep) {
      offset_ = next - stamp;
      seconds = next;
    } else if (seconds > last_) {
      step_ = seconds - last_;
    }
    has_offset_ = true;
    return last_ = seconds;
  }

 private:
  static constexpr double kLongestStep = 3600;

  double time_base_;
  bool has_begun_ = false;
  bool has_offset_ = false;
  double last_ = 0;
  double offset_ = 0;
  double step_ = 0.04;  // from frame to frame
};

/// libavdevice brings dozens of libraries that only cameras need; its version is libavformat's.
const AVInputFormat* camera_format(const std::string& name) {
  const std::string library = fmt::format("libavdevice.so.{}", LIBAVFORMAT_VERSION_MAJOR);
  void* const module = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);  // never unloaded
  auto* const register_all =
      module == nullptr ? nullptr
                        : reinterpret_cast<void (*)()>(::dlsym(module, "avdevice_register_all"));
  if (register_all == nullptr) {
    throw Error(
        fmt::format("{}: cameras are read by FFmpeg's {}, which is not installed (Debian: "
                    "libavdevice{})",
                    name, library, LIBAVFORMAT_VERSION_MAJOR));
  }
  register_all();
  const AVInputFormat* format = av_find_input_format("v4l2");
  if (format != nullptr) return format;
  throw Error(fmt::format("{}: this FFmpeg reads no cameras (Video4Linux)", name));
}

/// A URL or a camera, which FFmpeg opens by its name.
Ffmpeg<AVFormatContext> open_by_name(const LiveInput& input, FilmWatch& watch) {
  const bool is_camera = input.kind == LiveKind::kDevice;
  const AVInputFormat* format = is_camera ? camera_format(input.name) : nullptr;
  if (!is_camera) avformat_network_init();
  AVFormatContext* context = allocated(avformat_alloc_context());
  context->protocol_whitelist = av_strdup(input.protocols.c_str());
  const std::string formats =
      is_camera ? std::string(format->name) : known_formats() + ",hls,dash,rtsp,rtp,sdp";
  context->format_whitelist = av_strdup(formats.c_str());
  context->interrupt_callback = {
      [](void* asked) { return static_cast<FilmWatch*>(asked)->stops() ? 1 : 0; }, &watch};
  AVDictionary* options = nullptr;  // what a protocol doesn't know is left
  if (!is_camera) {
    av_dict_set(&options, "rw_timeout", kTimeoutMicroseconds, 0);
    if (input.name.starts_with("rtsp")) {
      av_dict_set(&options, "timeout", kTimeoutMicroseconds, 0);
      av_dict_set(&options, "rtsp_flags", "prefer_tcp", 0);
    }
  }
  const int result = avformat_open_input(&context, input.name.c_str(), format, &options);
  av_dict_free(&options);
  Ffmpeg<AVFormatContext> opened(result < 0 ? nullptr : context);
  watch.check();
  if (opened == nullptr) {
    throw InputError(
        fmt::format("{}: can't be opened: {}", input.shown_name(), ffmpeg_error_text(result)));
  }
  return opened;
}

Ffmpeg<AVFormatContext> open_bytes(LiveBytes& bytes, const std::string& name, FilmWatch& watch) {
  const ProbedFormat probed = probe_format(bytes.io(), watch, name);
  if (probed.format == nullptr) {
    throw InputError(
        fmt::format("{}: not a film of a known kind{}", name,
                    probed.found.empty() ? "" : "; FFmpeg takes it for " + probed.found));
  }
  // An index is looked for up to the file's end, which a growing file hasn't yet.
  Ffmpeg<AVFormatContext> opened = open_format(bytes.io(), watch, probed.format, name,
                                               "can't be opened as a film", AVFMT_FLAG_IGNIDX);
  bytes.wait_beyond_end();
  return opened;
}

class LiveFilm final : public LiveReader {
 public:
  LiveFilm(const LiveInput& input, FilmWatch& watch)
      : input_(input),
        watch_(watch),
        packet_(allocated(av_packet_alloc())),
        frame_(allocated(av_frame_alloc())) {
    const SilentFfmpeg silent;
    if (input.kind == LiveKind::kFile || input.kind == LiveKind::kPipe) {
      bytes_ = std::make_unique<LiveBytes>(input, watch);
      format_ = open_bytes(*bytes_, name(), watch);
    } else {
      format_ = open_by_name(input, watch);
      is_served_film_ = is_served_film();
    }
    find_stream();
    open_decoder();
  }

  std::optional<LivePicture> next(const Wants& wants) override {
    const SilentFfmpeg silent;
    while (receive_frame()) {
      const int64_t timestamp = frame_->best_effort_timestamp;
      const double film_seconds = clock_->at(timestamp);
      const double seconds = has_film_clock() ? film_seconds : steady_seconds();
      if (!wants(seconds)) continue;
      return LivePicture{
          apply_orientation(converter_.convert(*frame_, name(), input_.max_pixels), orientation_),
          seconds};
    }
    if (input_.kind == LiveKind::kFile) bytes_->wait_at_end();
    return std::nullopt;
  }
  bool has_film_clock() const override { return bytes_ != nullptr || is_served_film_; }
  bool is_over() const override {
    if (input_.kind == LiveKind::kUrl) return was_whole_;
    return input_.is_standard_input() || (bytes_ != nullptr && bytes_->is_idle());
  }

 private:
  std::string name() const { return input_.shown_name(); }

  void find_stream() {
    format_->max_analyze_duration = kAnalyzedMicroseconds;
    avformat_find_stream_info(format_.get(), nullptr);
    watch_.check();
    const int best = av_find_best_stream(format_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    if (best < 0) throw InputError(fmt::format("{}: has no video stream", name()));
    stream_ = format_->streams[best];
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
      if (format_->streams[i] != stream_) format_->streams[i]->discard = AVDISCARD_ALL;
    }
    orientation_ = display_orientation(*stream_);
    converter_ = RgbConverter(frame_kind(*format_, orientation_));
    clock_.emplace(stream_->time_base);
  }

  void open_decoder() {
    decoder_ = make_decoder(*stream_, name());
    decoder_->thread_count = 2;
    decoder_->thread_type = FF_THREAD_SLICE;  // with a thread a frame, they come later
    decoder_->max_pixels = input_.max_pixels;
    if (const int result = avcodec_open2(decoder_.get(), nullptr, nullptr); result < 0) {
      throw InputError(fmt::format("{}: its {} video can't be decoded: {}", name(),
                                   avcodec_get_name(stream_->codecpar->codec_id),
                                   ffmpeg_error_text(result)));
    }
  }

  /// Decodes the next frame into frame_; false at the end. What is damaged is passed over.
  bool receive_frame() {
    for (;;) {
      watch_.check();
      const int result = avcodec_receive_frame(decoder_.get(), frame_.get());
      if (result >= 0) return true;
      if (result == AVERROR_EOF) return false;
      if (result == AVERROR(EAGAIN)) send_packet();
    }
  }

  void send_packet() {
    for (;;) {
      av_packet_unref(packet_.get());
      const int result = av_read_frame(format_.get(), packet_.get());
      watch_.check();
      if (result == AVERROR(EAGAIN)) continue;  // a camera that has none yet
      if (result < 0) {
        was_whole_ = result == AVERROR_EOF && is_served_film_ && !broke_off();
        avcodec_send_packet(decoder_.get(), nullptr);  // what it holds comes out, to its end
        return;
      }
      if (packet_->stream_index != stream_->index) continue;
      avcodec_send_packet(decoder_.get(), packet_.get());
      return;
    }
  }

  /// A file that is served, or a playlist that says where it ends: no stream.
  bool is_served_film() const {
    if (input_.kind != LiveKind::kUrl) return false;
    const std::string_view format = format_->iformat->name;
    if (format == "hls" || format == "dash") return format_->duration > 0;
    return format_->pb != nullptr && avio_size(format_->pb) > 0;
  }
  bool broke_off() const { return format_->pb != nullptr && format_->pb->error < 0; }

  const LiveInput input_;
  FilmWatch& watch_;
  std::unique_ptr<LiveBytes> bytes_;  // before what reads it
  Ffmpeg<AVFormatContext> format_;
  AVStream* stream_ = nullptr;
  Ffmpeg<AVCodecContext> decoder_;
  Ffmpeg<AVPacket> packet_;
  Ffmpeg<AVFrame> frame_;
  std::optional<StreamClock> clock_;
  bool is_served_film_ = false;
  bool was_whole_ = false;
  int orientation_ = 1;
  RgbConverter converter_{FrameKind::kFilm};
};

}  // namespace

std::unique_ptr<LiveReader> open_live_film(const LiveInput& input, FilmWatch& watch) {
  return std::make_unique<LiveFilm>(input, watch);
}

}  // namespace owl3
