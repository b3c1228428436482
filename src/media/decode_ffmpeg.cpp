// Still images of all other formats through FFmpeg: the first frame, read from memory.
#include <string_view>

#include "core/error.h"
#include "media/decode_formats.h"
#include "media/ffmpeg_input.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

std::string_view text_at(Bytes bytes, size_t offset, size_t size) {
  if (bytes.size() < offset + size) return {};
  return {reinterpret_cast<const char*>(bytes.data()) + offset, size};
}

/// Only formats that hold a picture.
void require_still_format(const AVInputFormat* format, Bytes bytes, const std::string& name) {
  const std::string_view kind = format == nullptr ? "" : format->name;
  const std::string_view brand = text_at(bytes, 8, 4);
  if (kind.ends_with("_pipe")) return;
  if (kind == "gif" || kind == "apng" || kind == "ico") return;
  if (kind.starts_with("mov") && (brand == "avif" || brand == "avis")) return;
  if (text_at(bytes, 4, 4) == "ftyp" && (brand == "heic" || brand == "heix" || brand == "mif1")) {
    throw InputError(fmt::format("{}: HEIC is not supported; convert it to JPEG or PNG", name));
  }
  throw InputError(fmt::format(
      "{}: not an image of a known kind (JPEG, PNG, WebP, GIF, BMP, TIFF, ...); a film is given as "
      "a video",
      name));
}

/// FFmpeg blanks the transparent pixels of a GIF, whose colour we want: the flag of the first
/// frame's control extension is cleared.
std::vector<std::byte> opaque_gif(Bytes bytes) {
  std::vector<std::byte> gif(bytes.begin(), bytes.end());
  const auto at = [&](size_t i) {
    return i < gif.size() ? std::to_integer<size_t>(gif[i]) : size_t{0};
  };
  constexpr size_t kHeaderBytes = 13;
  size_t block = kHeaderBytes;
  if ((at(10) & 0x80) != 0) block += size_t{6} << (at(10) & 7);  // the global palette
  while (at(block) == 0x21) {                                    // an extension
    if (at(block + 1) == 0xf9 && at(block + 2) == 4 && block + 3 < gif.size()) {
      gif[block + 3] &= std::byte{0xfe};
    }
    block += 2;
    while (at(block) != 0) block += at(block) + 1;
    ++block;
  }
  return gif;
}

struct Demuxer {
  Ffmpeg<AVFormatContext> format;
  const AVStream* stream = nullptr;
};

Demuxer open_demuxer(const FfmpegInput& input, const AVInputFormat* kind, const std::string& name) {
  Demuxer demuxer{open_format(input, kind, name, "broken image"), nullptr};
  for (unsigned i = 0; i < demuxer.format->nb_streams; ++i) {
    const AVStream* stream = demuxer.format->streams[i];
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    demuxer.stream = stream;
    return demuxer;
  }
  throw InputError(fmt::format("{}: broken image: it holds no picture", name));
}

Ffmpeg<AVFrame> decode_first_frame(const Demuxer& demuxer, AVCodecContext* decoder,
                                   const std::string& name) {
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
    if (read < 0 || (wanted && result != AVERROR(EAGAIN))) break;
  }
  throw InputError(
      fmt::format("{}: broken or too large {} image: {}", name, avcodec_get_name(decoder->codec_id),
                  result == AVERROR_EOF ? "it breaks off" : ffmpeg_error_text(result)));
}

}  // namespace

StoredImage decode_with_ffmpeg(Bytes bytes, const std::string& name, int64_t max_pixels) {
  silence_ffmpeg();
  std::vector<std::byte> copy;
  if (text_at(bytes, 0, 4) == "GIF8") {
    copy = opaque_gif(bytes);
    bytes = copy;
  }
  FilmWatch watch(name);
  const FilmWatch::Working working(watch);
  const FfmpegInput input(bytes, watch);
  const AVInputFormat* kind = probe_format(input, name).format;
  require_still_format(kind, bytes, name);

  const Demuxer demuxer = open_demuxer(input, kind, name);
  const Ffmpeg<AVCodecContext> decoder = make_decoder(*demuxer.stream, name);
  decoder->max_pixels = max_pixels;  // checked by FFmpeg before it allocates a picture
  decoder->thread_count = 1;
  // Refuse what is damaged; not for TIFF, whose decoder then refuses every tag unknown to it.
  if (decoder->codec_id != AV_CODEC_ID_TIFF) decoder->err_recognition = AV_EF_EXPLODE;
  if (const int result = avcodec_open2(decoder.get(), nullptr, nullptr); result < 0) {
    throw InputError(fmt::format("{}: can't be decoded: {}", name, ffmpeg_error_text(result)));
  }
  const Ffmpeg<AVFrame> frame = decode_first_frame(demuxer, decoder.get(), name);
  StoredImage stored;
  stored.image = RgbConverter(FrameKind::kStill).convert(*frame, name, max_pixels);
  stored.orientation = read_exif_orientation(bytes);  // a TIFF file is an EXIF block itself
  return stored;
}

}  // namespace owl3
