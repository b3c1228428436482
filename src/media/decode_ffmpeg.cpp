// Still images of all other formats through FFmpeg: the first frame, read from memory.
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "media/decode_formats.h"
#include "media/ffmpeg.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

/// Bytes as FFmpeg reads them.
class MemoryInput {
 public:
  explicit MemoryInput(Bytes bytes) : bytes_(bytes) {
    constexpr int kBufferBytes = 1 << 15;
    auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
    io_.reset(avio_alloc_context(buffer, kBufferBytes, 0, this, &read, nullptr, &seek));
    OWL3_CHECK(io_ != nullptr);
  }
  MemoryInput(const MemoryInput&) = delete;
  MemoryInput& operator=(const MemoryInput&) = delete;

  AVIOContext* io() const { return io_.get(); }

 private:
  static int read(void* opaque, uint8_t* out, int size) {
    auto* self = static_cast<MemoryInput*>(opaque);
    const size_t count = std::min(static_cast<size_t>(size), self->bytes_.size() - self->position_);
    if (count == 0) return AVERROR_EOF;
    std::memcpy(out, self->bytes_.data() + self->position_, count);
    self->position_ += count;
    return static_cast<int>(count);
  }

  static int64_t seek(void* opaque, int64_t offset, int whence) {
    auto* self = static_cast<MemoryInput*>(opaque);
    const auto size = static_cast<int64_t>(self->bytes_.size());
    if ((whence & AVSEEK_SIZE) != 0) return size;
    const int origin = whence & ~AVSEEK_FORCE;
    if (origin == SEEK_CUR) offset += static_cast<int64_t>(self->position_);
    if (origin == SEEK_END) offset += size;
    if (offset < 0 || offset > size) return AVERROR(EINVAL);
    self->position_ = static_cast<size_t>(offset);
    return offset;
  }

  Bytes bytes_;
  size_t position_ = 0;
  Ffmpeg<AVIOContext> io_;
};

std::string_view text_at(Bytes bytes, size_t offset, size_t size) {
  if (bytes.size() < offset + size) return {};
  return {reinterpret_cast<const char*>(bytes.data()) + offset, size};
}

/// Only formats that hold a picture and refer to no other file: nothing that plays, lists or links.
void require_still_format(const AVInputFormat* format, Bytes bytes, const std::string& name) {
  const std::string_view kind = format == nullptr ? "" : format->name;
  const std::string_view brand = text_at(bytes, 8, 4);
  // Neither SVG, which can name other files, nor JPEG XL, whose library prints messages of its own.
  const bool unwelcome = kind == "svg_pipe" || kind == "jpegxl_pipe";
  if (kind.ends_with("_pipe") && !unwelcome) return;
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

Demuxer open_demuxer(AVIOContext* io, const AVInputFormat* kind, const std::string& name) {
  AVFormatContext* format = avformat_alloc_context();
  OWL3_CHECK(format != nullptr);
  format->pb = io;
  format->protocol_whitelist = av_strdup("");  // nothing but these bytes is opened
  const int result = avformat_open_input(&format, "", kind, nullptr);  // frees it on failure
  Demuxer demuxer{Ffmpeg<AVFormatContext>(result < 0 ? nullptr : format), nullptr};
  for (unsigned i = 0; result >= 0 && i < format->nb_streams; ++i) {
    if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
      demuxer.stream = format->streams[i];
      break;
    }
  }
  if (demuxer.stream == nullptr) {
    throw InputError(fmt::format("{}: broken image: {}", name,
                                 result < 0 ? ffmpeg_error_text(result) : "it holds no picture"));
  }
  return demuxer;
}

Ffmpeg<AVFrame> decode_first_frame(const Demuxer& demuxer, AVCodecContext* decoder,
                                   const std::string& name) {
  const Ffmpeg<AVPacket> packet(av_packet_alloc());
  Ffmpeg<AVFrame> frame(av_frame_alloc());
  OWL3_CHECK(packet != nullptr && frame != nullptr);
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
  const MemoryInput input(bytes);
  const AVInputFormat* kind = nullptr;
  av_probe_input_buffer2(input.io(), &kind, "", nullptr, 0, 0);
  require_still_format(kind, bytes, name);

  const Demuxer demuxer = open_demuxer(input.io(), kind, name);
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
  stored.image = RgbConverter().convert(*frame, name, max_pixels);
  stored.orientation = read_exif_orientation(bytes);  // a TIFF file is an EXIF block itself
  return stored;
}

}  // namespace owl3
