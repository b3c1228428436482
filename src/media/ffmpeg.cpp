#include "media/ffmpeg.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <cstring>

#include "core/error.h"
#include "media/decode_formats.h"

namespace owl3 {

void silence_ffmpeg() {
  static const bool silenced = (av_log_set_level(AV_LOG_QUIET), true);
  (void)silenced;
}

std::string ffmpeg_error_text(int error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(error, text, sizeof text);
  return text;
}

Ffmpeg<AVCodecContext> make_decoder(const AVStream& stream, const std::string& name) {
  const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
  if (codec == nullptr) {
    throw InputError(fmt::format("{}: no decoder for {} here; convert it to another format", name,
                                 avcodec_get_name(stream.codecpar->codec_id)));
  }
  Ffmpeg<AVCodecContext> decoder(avcodec_alloc_context3(codec));
  if (decoder == nullptr || avcodec_parameters_to_context(decoder.get(), stream.codecpar) < 0) {
    throw InputError(fmt::format("{}: its {} stream can't be decoded", name, codec->name));
  }
  decoder->pkt_timebase = stream.time_base;
  return decoder;
}

namespace {

/// Whether the frame's samples are RGB or grey values themselves, of an integer type.
bool holds_plain_samples(const AVFrame& frame, const AVPixFmtDescriptor& descriptor) {
  constexpr uint64_t kOther =
      AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_HWACCEL;
  if ((descriptor.flags & kOther) != 0) return false;
  if ((descriptor.flags & AV_PIX_FMT_FLAG_RGB) != 0) return true;
  return descriptor.nb_components <= 2 && frame.color_range != AVCOL_RANGE_MPEG;
}

void copy_palette_rows(const AVFrame& frame, Image& image) {
  uint32_t palette[256];  // native-endian ARGB
  std::memcpy(palette, frame.data[1], sizeof palette);
  uint8_t* out = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* row = frame.data[0] + ptrdiff_t{y} * frame.linesize[0];
    for (int x = 0; x < image.width; ++x, out += 3) {
      const uint32_t colour = palette[row[x]];
      out[0] = static_cast<uint8_t>(colour >> 16);
      out[1] = static_cast<uint8_t>(colour >> 8);
      out[2] = static_cast<uint8_t>(colour);
    }
  }
}

/// A channel of whole bytes, 8 or 16 bits: the high byte of each sample.
void copy_byte_channel(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, int component,
                       int channel, Image& image) {
  const AVComponentDescriptor& layout = descriptor.comp[component];
  const bool little_endian = (descriptor.flags & AV_PIX_FMT_FLAG_BE) == 0;
  const int high_byte = layout.depth == 16 && little_endian ? 1 : 0;
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* in = frame.data[layout.plane] + ptrdiff_t{y} * frame.linesize[layout.plane] +
                        layout.offset + high_byte;
    uint8_t* out = image.rgb.data() + size_t{3} * y * image.width + channel;
    for (int x = 0; x < image.width; ++x, in += layout.step, out += 3) *out = *in;
  }
}

/// A channel of any depth, scaled to 8 bits: the high bits of deep samples, the full scale of
/// shallow ones.
void copy_packed_channel(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, int component,
                         int channel, std::vector<uint16_t>& row, Image& image) {
  const int depth = descriptor.comp[component].depth;
  const uint8_t* planes[4] = {frame.data[0], frame.data[1], frame.data[2], frame.data[3]};
  for (int y = 0; y < image.height; ++y) {
    av_read_image_line(row.data(), planes, frame.linesize, &descriptor, 0, y, component,
                       image.width, 0);
    uint8_t* out = image.rgb.data() + size_t{3} * y * image.width + channel;
    for (int x = 0; x < image.width; ++x, out += 3) {
      const int value = row[x];
      *out = static_cast<uint8_t>(depth >= 8 ? value >> (depth - 8)
                                             : value * 255 / ((1 << depth) - 1));
    }
  }
}

void copy_samples(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, Image& image) {
  if ((descriptor.flags & AV_PIX_FMT_FLAG_PAL) != 0) return copy_palette_rows(frame, image);
  std::vector<uint16_t> row(image.width);
  for (int channel = 0; channel < 3; ++channel) {
    const int component = descriptor.nb_components >= 3 ? channel : 0;
    const AVComponentDescriptor& layout = descriptor.comp[component];
    const bool whole_bytes = (descriptor.flags & AV_PIX_FMT_FLAG_BITSTREAM) == 0 &&
                             layout.shift == 0 && (layout.depth == 8 || layout.depth == 16);
    if (whole_bytes) {
      copy_byte_channel(frame, descriptor, component, channel, image);
    } else {
      copy_packed_channel(frame, descriptor, component, channel, row, image);
    }
  }
  // 1-bit "white is zero"
  if (frame.format == AV_PIX_FMT_MONOWHITE) {
    for (uint8_t& value : image.rgb) value = static_cast<uint8_t>(255 - value);
  }
}

/// The "full range" twins of YUV formats, deprecated in favour of a range of the frame's own.
int without_full_range_twin(int format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    default:
      return format;
  }
}

int yuv_matrix(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return SWS_CS_ITU601;
    default:
      return frame.height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;  // unmarked: by custom
  }
}

}  // namespace

void RgbConverter::prepare_scaler(const AVFrame& frame, const std::string& name) {
  const int format = without_full_range_twin(frame.format);
  const bool full = frame.color_range == AVCOL_RANGE_JPEG || format != frame.format;
  const Key key{frame.width, frame.height, format, yuv_matrix(frame), full ? 1 : 0};
  if (key == key_) return;
  key_ = {};
  scaler_.reset(sws_alloc_context());
  rgb_.reset(av_frame_alloc());
  if (scaler_ == nullptr || rgb_ == nullptr) throw InputError(name + ": out of memory");
  SwsContext* const scaler = scaler_.get();
  for (const char* side : {"srcw", "dstw"}) av_opt_set_int(scaler, side, frame.width, 0);
  for (const char* side : {"srch", "dsth"}) av_opt_set_int(scaler, side, frame.height, 0);
  av_opt_set_int(scaler, "src_format", format, 0);
  av_opt_set_int(scaler, "dst_format", AV_PIX_FMT_RGB24, 0);
  av_opt_set_int(scaler, "sws_flags",
                 SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, 0);
  const int* const matrix = sws_getCoefficients(key.matrix);
  sws_setColorspaceDetails(scaler, matrix, key.full_range, sws_getCoefficients(SWS_CS_DEFAULT), 1,
                           0, 1 << 16, 1 << 16);
  rgb_->format = AV_PIX_FMT_RGB24;
  rgb_->width = frame.width;
  rgb_->height = frame.height;
  if (sws_init_context(scaler, nullptr, nullptr) < 0 || av_frame_get_buffer(rgb_.get(), 64) < 0) {
    const char* format_name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame.format));
    throw InputError(fmt::format("{}: its pixel format {} can't be turned into RGB", name,
                                 format_name == nullptr ? "?" : format_name));
  }
  key_ = key;
}

Image RgbConverter::convert(const AVFrame& frame, const std::string& name, int64_t max_pixels) {
  Image image = make_image(frame.width, frame.height, name, max_pixels);
  const AVPixFmtDescriptor* descriptor =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if (descriptor == nullptr) throw InputError(name + ": unknown pixel format");
  if (holds_plain_samples(frame, *descriptor)) {
    copy_samples(frame, *descriptor, image);
    return image;
  }
  prepare_scaler(frame, name);
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, rgb_->data, rgb_->linesize);
  const size_t row_bytes = static_cast<size_t>(image.width) * 3;
  for (int y = 0; y < image.height; ++y) {
    std::memcpy(image.rgb.data() + y * row_bytes, rgb_->data[0] + ptrdiff_t{y} * rgb_->linesize[0],
                row_bytes);
  }
  return image;
}

}  // namespace owl3
