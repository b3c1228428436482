#include "media/codecs/ffmpeg_input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr int kBufferBytes = 1 << 16;

/// Formats that hold films or pictures, and hold them themselves. What is not here is not read:
/// lists of other files, sound, subtitles, devices, text, SVG, which can name other files, and JPEG
/// XL, whose library prints messages of its own.
constexpr std::string_view kFormats[] = {
    // containers
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "asf", "asf_o", "flv",
    "live_flv", "ogg", "rm", "wtv", "mxf", "gxf", "nut", "nsv", "dv", "ivf", "lxf", "nuv", "pva",
    "ty", "dhav", "ipmovie", "kux", "pmp", "swf", "vivo", "vividas", "xmv", "dxa", "r3d", "cine",
    "mpjpeg", "smjpeg", "ivr",
    // streams of one codec
    "h261", "h263", "h264", "hevc", "avs2", "avs3", "cavsvideo", "av1", "obu", "dirac", "dnxhd",
    "m4v", "mpegvideo", "mjpeg", "mjpeg_2000", "vc1", "vc1test", "yuv4mpegpipe", "ipu",
    // films in old games
    "4xm", "anm", "bethsoftvid", "bfi", "bink", "bmv", "c93", "cdxl", "dfa", "dsicin", "ea",
    "film_cpk", "flic", "gdv", "hnm", "idcin", "iv8", "jv", "lmlm4", "lvf", "mm", "moflex", "mods",
    "mtv", "mv", "mvi", "mxg", "paf", "psxstr", "rl2", "roq", "rpl", "sga", "siff", "smk", "smush",
    "thp", "tiertexseq", "vmd", "wc3movie", "wsvqa", "yop",
    // pictures, and those that move
    "gif", "apng", "ico", "iff", "filmstrip", "fits", "ser", "bmp_pipe", "cri_pipe", "dds_pipe",
    "dpx_pipe", "exr_pipe", "gem_pipe", "gif_pipe", "j2k_pipe", "jpeg_pipe", "jpegls_pipe",
    "pam_pipe", "pbm_pipe", "pcx_pipe", "pfm_pipe", "pgm_pipe", "pgmyuv_pipe", "pgx_pipe",
    "phm_pipe", "photocd_pipe", "pictor_pipe", "png_pipe", "ppm_pipe", "psd_pipe", "qdraw_pipe",
    "qoi_pipe", "sgi_pipe", "sunrast_pipe", "tiff_pipe", "vbn_pipe", "webp_pipe", "xbm_pipe",
    "xpm_pipe", "xwd_pipe"};

/// What of the rest is a list of other files.
struct List {
  std::string_view format;
  const char* name;
};
constexpr List kLists[] = {
    {"hls", "an HLS playlist"},     {"dash", "a DASH manifest"},
    {"imf", "an IMF composition"},  {"concat", "an ffconcat script"},
    {"sdp", "an SDP description"},  {"webm_dash_manifest", "a DASH manifest"},
    {"rtsp", "an RTSP redirection"}};

int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EACCES);
}

}  // namespace

FfmpegInput::FfmpegInput(std::span<const std::byte> bytes, FilmWatch& watch)
    : bytes_(bytes), watch_(&watch), size_(static_cast<int64_t>(bytes.size())) {
  make_io();
}

FfmpegInput::FfmpegInput(RegularFile file, FilmWatch& watch)
    : file_(std::move(file)), watch_(&watch), size_(file_->size()) {
  make_io();
}

void FfmpegInput::make_io() {
  std::unique_ptr<unsigned char, void (*)(void*)> buffer(
      static_cast<unsigned char*>(allocated(av_malloc(kBufferBytes))), av_free);
  io_.reset(
      allocated(avio_alloc_context(buffer.get(), kBufferBytes, 0, this, &read, nullptr, &seek)));
  buffer.release();  // the context frees it
}

int FfmpegInput::read_at(int64_t offset, uint8_t* out, int size) const {
  // Never beyond the size it had when it was opened: a file may grow as fast as it is read.
  const auto count = static_cast<size_t>(std::min<int64_t>(size, size_ - offset));
  if (offset >= size_) return 0;
  if (!file_) {
    std::memcpy(out, bytes_.data() + offset, count);
    return static_cast<int>(count);
  }
  const ssize_t got = ::pread(file_->descriptor(), out, count, offset);
  return got < 0 ? AVERROR(errno) : static_cast<int>(got);
}

int FfmpegInput::read(void* opaque, uint8_t* out, int size) {
  auto* self = static_cast<FfmpegInput*>(opaque);
  if (self->watch_->stops()) return AVERROR_EXIT;
  const int count = self->read_at(self->position_, out, size);
  if (count > 0) self->position_ += count;
  return count == 0 ? AVERROR_EOF : count;
}

int64_t FfmpegInput::seek(void* opaque, int64_t offset, int whence) {
  auto* self = static_cast<FfmpegInput*>(opaque);
  if ((whence & AVSEEK_SIZE) != 0) return self->size_;
  const int origin = whence & ~AVSEEK_FORCE;
  if (origin == SEEK_CUR) offset += self->position_;
  if (origin == SEEK_END) offset += self->size_;
  if (offset < 0 || offset > self->size_) return AVERROR(EINVAL);
  self->position_ = offset;
  return offset;
}

std::string known_formats() {
  return fmt::format("{}", fmt::join(kFormats, ","));
}

ProbedFormat probe_format(const FfmpegInput& input, const std::string& name) {
  return probe_format(input.io(), input.watch(), name);
}

ProbedFormat probe_format(AVIOContext* io, FilmWatch& watch, const std::string& name) {
  const AVInputFormat* format = nullptr;
  // Without the name: an extension turns text into a playlist, and "%d" a picture into a series.
  av_probe_input_buffer2(io, &format, "", nullptr, 0, 0);
  watch.check();
  if (format == nullptr) return {};
  for (const List& list : kLists) {
    if (list.format != format->name) continue;
    throw InputError(
        fmt::format("{}: it is {}, which only names other files; give those", name, list.name));
  }
  const std::string found = format->long_name != nullptr ? format->long_name : format->name;
  const bool is_read = std::find(std::begin(kFormats), std::end(kFormats),
                                 std::string_view(format->name)) != std::end(kFormats);
  return {is_read ? format : nullptr, found};
}

Ffmpeg<AVFormatContext> open_format(const FfmpegInput& input, const AVInputFormat* format,
                                    const std::string& name, const std::string& problem) {
  return open_format(input.io(), input.watch(), format, name, problem);
}

Ffmpeg<AVFormatContext> open_format(AVIOContext* io, FilmWatch& watch, const AVInputFormat* format,
                                    const std::string& name, const std::string& problem,
                                    int flags) {
  AVFormatContext* context = allocated(avformat_alloc_context());
  context->flags |= flags;
  context->pb = io;
  context->io_open = &refuse_to_open;
  context->protocol_whitelist = av_strdup("");
  context->interrupt_callback = {
      [](void* asked) { return static_cast<FilmWatch*>(asked)->stops() ? 1 : 0; }, &watch};
  const int result = avformat_open_input(&context, "", format, nullptr);  // frees it on failure
  Ffmpeg<AVFormatContext> opened(result < 0 ? nullptr : context);
  watch.check();
  if (opened == nullptr) {
    throw InputError(fmt::format("{}: {}: {}", name, problem, ffmpeg_error_text(result)));
  }
  return opened;
}

}  // namespace owl3
