// Still images of all other formats through FFmpeg: the first frame, read from memory.
extern "C" {
#include <libavutil/imgutils.h>
}

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <string_view>
#include <variant>

#include "core/error.h"
#include "media/codecs/decoders.h"
#include "media/codecs/ffmpeg_input.h"
#include "media/codecs/ffmpeg_log.h"
#include "media/codecs/ffmpeg_pictures.h"
#include "media/image_kinds.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

/// Only formats that hold a picture.
void require_still_format(const ProbedFormat& probed, Bytes bytes, const std::string& name) {
  const std::string_view kind = probed.format == nullptr ? "" : probed.format->name;
  if (kind.ends_with("_pipe") || kind == "ico") return;
  if (kind.starts_with("mov") && begins_like_heif(bytes)) return;  // a series of pictures
  constexpr const char* kNotKnown =
      "not an image of a known kind (JPEG, PNG, WebP, HEIC, GIF, BMP, TIFF, ...)";
  if (kind == "fits") {
    throw InputError(fmt::format("{}: FITS images are not read; convert it to PNG or TIFF", name));
  }
  if (!kind.empty()) {
    throw InputError(
        fmt::format("{}: {}; FFmpeg takes it for {}; a film is given as a video (--video)", name,
                    kNotKnown, probed.found));
  }
  throw InputError(fmt::format("{}: {}", name, kNotKnown));
}

struct Demuxer {
  Ffmpeg<AVFormatContext> format;
  const AVStream* stream = nullptr;
};

Demuxer open_demuxer(const FfmpegInput& input, const AVInputFormat* kind, const std::string& name) {
  Demuxer demuxer{open_format(input, kind, name, "can't be opened as an image"), nullptr};
  for (unsigned i = 0; i < demuxer.format->nb_streams; ++i) {
    const AVStream* stream = demuxer.format->streams[i];
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    demuxer.stream = stream;
    return demuxer;
  }
  throw InputError(fmt::format("{}: it holds no picture", name));
}

/// What is wanted of a picture.
enum class Wanted { kPixels, kSize };

/// Lets FFmpeg allocate no picture above the limits, and none at all where its size is all that is
/// wanted: then its header has been read. No exception may pass through FFmpeg.
class PictureAllocator {
 public:
  PictureAllocator(AVCodecContext& decoder, Wanted wanted, const std::string& name,
                   const DecodeLimits& limits)
      : wanted_(wanted), name_(name), limits_(limits) {
    decoder.opaque = this;
    decoder.get_buffer2 = [](AVCodecContext* context, AVFrame* frame, int flags) {
      auto* self = static_cast<PictureAllocator*>(context->opaque);
      if (!self->allows(*frame)) return AVERROR(ENOMEM);
      if (self->wanted_ == Wanted::kSize) {
        self->size_ = StoredSize{context->width, context->height};
        return AVERROR_EXIT;
      }
      return avcodec_default_get_buffer2(context, frame, flags);
    };
    // A decoder with memory of its own is held to FFmpeg's check; ours has the better message.
    const bool asks = (decoder.codec->capabilities & AV_CODEC_CAP_DR1) != 0;
    decoder.max_pixels = asks ? INT64_MAX : limits.max_pixels;
  }
  PictureAllocator(const PictureAllocator&) = delete;
  PictureAllocator& operator=(const PictureAllocator&) = delete;

  /// Throws what it refused a picture for, if it did.
  void check() const {
    if (refusal_ != nullptr) std::rethrow_exception(refusal_);
  }
  /// Of a picture that it refused for that.
  const std::optional<StoredSize>& size() const { return size_; }

 private:
  bool allows(const AVFrame& frame) noexcept {
    try {
      check_image_size(frame.width, frame.height, name_, limits_, 3 + bytes_per_pixel(frame));
      return true;
    } catch (...) {
      refusal_ = std::current_exception();
      return false;
    }
  }

  static int64_t bytes_per_pixel(const AVFrame& frame) {
    const AVPixFmtDescriptor* descriptor =
        av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
    return descriptor == nullptr ? 0 : (av_get_padded_bits_per_pixel(descriptor) + 7) / 8;
  }

  const Wanted wanted_;
  const std::string& name_;
  const DecodeLimits& limits_;
  std::optional<StoredSize> size_;
  std::exception_ptr refusal_;
};

/// Why no picture came, from what FFmpeg returned.
std::string failure_text(int result, const DecodeLimits& limits) {
  switch (result) {
    case AVERROR_EOF:
      return "there is no picture in it that can be decoded";
    case AVERROR(EAGAIN):
      return "there is no picture in its first thousand parts";
    case AVERROR(EINVAL):
      return fmt::format("its header is broken, or claims more than {} pixels",
                         std::min<int64_t>(limits.max_pixels, INT32_MAX / 8));
    case AVERROR_PATCHWELCOME:
    case AVERROR(ENOSYS):
      return "it is of a kind that FFmpeg can't decode; convert it to PNG or JPEG";
    default:
      return fmt::format("it is broken, or of a kind that FFmpeg can't decode ({})",
                         ffmpeg_error_text(result));
  }
}

/// The first frame, or its size alone, where that can be had before it is decoded.
std::variant<Ffmpeg<AVFrame>, StoredSize> decode_first_frame(
    const Demuxer& demuxer, AVCodecContext* decoder, Wanted wanted_of_it, const FfmpegInput& input,
    const std::string& name, const DecodeLimits& limits) {
  const PictureAllocator allocator(*decoder, wanted_of_it, name, limits);
  const Ffmpeg<AVPacket> packet(allocated(av_packet_alloc()));
  Ffmpeg<AVFrame> frame(allocated(av_frame_alloc()));
  constexpr int kMaxPackets = 1000;
  int result = AVERROR_EOF;
  for (int packets = 0; packets < kMaxPackets; ++packets) {
    const int read = av_read_frame(demuxer.format.get(), packet.get());
    const bool wanted = read < 0 || packet->stream_index == demuxer.stream->index;
    if (wanted) result = avcodec_send_packet(decoder, read < 0 ? nullptr : packet.get());
    av_packet_unref(packet.get());
    if (wanted && result >= 0) result = avcodec_receive_frame(decoder, frame.get());
    if (wanted && result >= 0) return frame;
    if (allocator.size()) return *allocator.size();
    if (read < 0 || (wanted && result != AVERROR(EAGAIN))) break;
  }
  input.watch().check();
  allocator.check();
  if (result == AVERROR(ENOMEM)) throw std::bad_alloc();
  throw InputError(fmt::format("{}: the {} image can't be decoded: {}", name,
                               avcodec_get_name(decoder->codec_id), failure_text(result, limits)));
}

bool is_deep(const AVFrame& frame) {
  const AVPixFmtDescriptor* descriptor =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  return descriptor != nullptr && descriptor->comp[0].depth > 8;
}

/// EXR holds light, of which bytes are shown as sRGB.
void set_options(AVDictionary** options, AVCodecID codec) {
  if (codec == AV_CODEC_ID_EXR) av_dict_set(options, "apply_trc", "iec61966_2_1", 0);
}

void open_decoder(AVCodecContext* decoder, const std::string& name) {
  decoder->thread_count = 1;
  decoder->err_recognition = AV_EF_EXPLODE;  // refuse what is damaged
  AVDictionary* options = nullptr;
  set_options(&options, decoder->codec_id);
  const int result = avcodec_open2(decoder, nullptr, &options);
  av_dict_free(&options);
  if (result >= 0) return;
  throw InputError(fmt::format("{}: its {} decoder can't be opened: {}", name,
                               avcodec_get_name(decoder->codec_id), ffmpeg_error_text(result)));
}

/// Opens the picture and hands what is wanted of it to `take`, while all of it is there.
template <typename Take>
auto read_with_ffmpeg(Bytes bytes, Wanted wanted, const std::string& name,
                      const DecodeLimits& limits, const Take& take) {
  const SilentFfmpeg silent;
  const FfmpegPicture picture = prepare_for_ffmpeg(bytes, name);
  FilmWatch watch(name);
  const FilmWatch::Working working(watch);
  const FfmpegInput input(picture.bytes, watch);
  const ProbedFormat probed =
      picture.format != nullptr ? ProbedFormat{picture.format, {}} : probe_format(input, name);
  require_still_format(probed, bytes, name);

  const Demuxer demuxer = open_demuxer(input, probed.format, name);
  const Ffmpeg<AVCodecContext> decoder = make_decoder(*demuxer.stream, name);
  open_decoder(decoder.get(), name);
  const auto first = decode_first_frame(demuxer, decoder.get(), wanted, input, name, limits);
  return take(picture, first);
}

}  // namespace

StoredSize read_size_with_ffmpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  return read_with_ffmpeg(bytes, Wanted::kSize, name, limits,
                          [](const FfmpegPicture&, const auto& first) {
                            if (const auto* size = std::get_if<StoredSize>(&first)) return *size;
                            const Ffmpeg<AVFrame>& frame = std::get<Ffmpeg<AVFrame>>(first);
                            return StoredSize{frame->width, frame->height};
                          });
}

StoredImage decode_with_ffmpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  return read_with_ffmpeg(
      bytes, Wanted::kPixels, name, limits, [&](const FfmpegPicture& picture, const auto& first) {
        const Ffmpeg<AVFrame>& frame = std::get<Ffmpeg<AVFrame>>(first);
        StoredImage stored;
        constexpr int kFlipped = 4;  // as EXIF has it
        stored.image = RgbConverter(FrameKind::kStill).convert(*frame, name, limits.max_pixels);
        if (picture.is_upside_down) {
          stored.image = apply_orientation(std::move(stored.image), kFlipped);
        }
        stored.alpha = alpha_of(*frame);
        stored.is_deep = is_deep(*frame);
        stored.warnings = picture.warnings;
        return stored;
      });
}

}  // namespace owl3
