#include "media/codecs/ffmpeg.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
}

#include <cstring>
#include <new>
#include <type_traits>

#include "core/error.h"
#include "media/alpha.h"
#include "media/codecs/ffmpeg_log.h"
#include "media/decode_formats.h"

namespace owl3 {

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
  Ffmpeg<AVCodecContext> decoder(allocated(avcodec_alloc_context3(codec)));
  if (const int result = avcodec_parameters_to_context(decoder.get(), stream.codecpar);
      result < 0) {
    throw InputError(fmt::format("{}: its {} stream can't be decoded: {}", name, codec->name,
                                 ffmpeg_error_text(result)));
  }
  decoder->pkt_timebase = stream.time_base;
  silence(*decoder);
  return decoder;
}

namespace {

/// What stands in one of FFmpeg's enumerations. Files put numbers there that no name is for, and
/// those must not be read as the enumeration.
template <typename Enum>
int number_in(const Enum& field) {
  std::underlying_type_t<Enum> number;
  std::memcpy(&number, &field, sizeof(number));
  return static_cast<int>(number);
}

template <typename Enum>
Enum known_or(const Enum& field, Enum end, Enum otherwise) {
  const int number = number_in(field);
  return number >= 0 && number < end ? static_cast<Enum>(number) : otherwise;
}

/// Whether the frame's samples are RGB or grey values themselves, of an integer type.
bool holds_plain_samples(const AVFrame& frame, const AVPixFmtDescriptor& descriptor) {
  constexpr uint64_t kOther =
      AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_HWACCEL;
  if ((descriptor.flags & kOther) != 0) return false;
  if ((descriptor.flags & AV_PIX_FMT_FLAG_RGB) != 0) return true;
  return descriptor.nb_components <= 2 && number_in(frame.color_range) != AVCOL_RANGE_MPEG;
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

/// A row of a channel, scaled to 16 bits.
void read_deep_row(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, int channel, int y,
                   std::vector<uint16_t>& row) {
  const int component = descriptor.nb_components >= 3 ? channel : 0;
  const uint8_t* planes[4] = {frame.data[0], frame.data[1], frame.data[2], frame.data[3]};
  row.resize(static_cast<size_t>(frame.width));
  av_read_image_line(row.data(), planes, frame.linesize, &descriptor, 0, y, component, frame.width,
                     0);
  const uint32_t most = (1U << descriptor.comp[component].depth) - 1;
  for (uint16_t& value : row) value = static_cast<uint16_t>(value * 65535U / most);
}

/// The alpha of a row of pixels, or of the palette's entries that they name.
void read_alpha_row(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, int y,
                    std::vector<uint16_t>& row) {
  row.resize(static_cast<size_t>(frame.width));
  const int component = descriptor.nb_components - 1;
  const uint8_t* planes[4] = {frame.data[0], frame.data[1], frame.data[2], frame.data[3]};
  av_read_image_line(row.data(), planes, frame.linesize, &descriptor, 0, y, component, frame.width,
                     0);
  if ((descriptor.flags & AV_PIX_FMT_FLAG_PAL) != 0) {
    uint32_t palette[256];  // native-endian ARGB
    std::memcpy(palette, frame.data[1], sizeof palette);
    for (uint16_t& value : row) value = static_cast<uint16_t>(palette[value & 0xff] >> 24);
  } else if (const int depth = descriptor.comp[component].depth; depth > 8) {
    for (uint16_t& value : row) value = static_cast<uint16_t>(value >> (depth - 8));
  }
}

void put_on_white(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, Image& image) {
  if ((descriptor.flags & AV_PIX_FMT_FLAG_ALPHA) == 0) return;
  std::vector<uint16_t> alpha;
  uint8_t* out = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    read_alpha_row(frame, descriptor, y, alpha);
    for (int x = 0; x < image.width; ++x) {
      for (int channel = 0; channel < 3; ++channel, ++out) *out = laid_over(*out, alpha[x], kWhite);
    }
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

/// BT.709 for what is larger than standard definition, as players have it.
int matrix_by_shape(const AVFrame& frame, FrameKind kind) {
  if (kind == FrameKind::kStill) return SWS_CS_ITU601;
  const bool turned = kind == FrameKind::kTurnedFilm;
  const int width = turned ? frame.height : frame.width;
  const int height = turned ? frame.width : frame.height;
  return width >= 1280 || height > 576 ? SWS_CS_ITU709 : SWS_CS_ITU601;
}

ColourMarks marks_of(const AVFrame& frame) {
  return {known_or(frame.color_trc, AVCOL_TRC_NB, AVCOL_TRC_UNSPECIFIED),
          known_or(frame.color_primaries, AVCOL_PRI_NB, AVCOL_PRI_UNSPECIFIED)};
}

int yuv_matrix(const AVFrame& frame, FrameKind kind) {
  switch (number_in(frame.colorspace)) {
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
      break;
  }
  const ColourMarks marks = marks_of(frame);
  const bool of_bt2020 = marks.primaries == AVCOL_PRI_BT2020 || is_hdr(marks);
  return of_bt2020 ? SWS_CS_BT2020 : matrix_by_shape(frame, kind);
}

/// Whether the frame's colours are more than an ordinary screen shows. Samples that are RGB already
/// count as wide only when they are HDR: what else they say of themselves (a PNG's chromaticities)
/// is ignored in stills too.
bool needs_mapping(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, FrameKind kind) {
  const ColourMarks marks = marks_of(frame);
  if ((descriptor.flags & AV_PIX_FMT_FLAG_PAL) != 0) return false;
  if (is_hdr(marks)) return true;
  const bool is_yuv =
      (descriptor.flags & AV_PIX_FMT_FLAG_RGB) == 0 && descriptor.nb_components >= 3;
  return kind != FrameKind::kStill && is_yuv && is_wide_gamut(marks);
}

}  // namespace

std::vector<uint8_t> alpha_of(const AVFrame& frame) {
  const AVPixFmtDescriptor* descriptor =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  constexpr uint64_t kWithAlpha = AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL;
  if (descriptor == nullptr || (descriptor->flags & kWithAlpha) == 0) return {};
  if ((descriptor->flags & AV_PIX_FMT_FLAG_FLOAT) != 0) return {};
  std::vector<uint8_t> alpha;
  alpha.reserve(static_cast<size_t>(frame.width) * frame.height);
  std::vector<uint16_t> row;
  bool is_used = false;
  for (int y = 0; y < frame.height; ++y) {
    read_alpha_row(frame, *descriptor, y, row);
    for (const uint16_t value : row) {
      alpha.push_back(static_cast<uint8_t>(value));
      is_used = is_used || value != 0;
    }
  }
  return is_used ? alpha : std::vector<uint8_t>{};
}

RgbConverter::Key RgbConverter::key_of(const AVFrame& frame, AVPixelFormat rgb_format) const {
  const int format = without_full_range_twin(frame.format);
  const bool full = number_in(frame.color_range) == AVCOL_RANGE_JPEG || format != frame.format;
  return {frame.width, frame.height, format, yuv_matrix(frame, kind_), full ? 1 : 0, rgb_format};
}

void RgbConverter::prepare_scaler(const AVFrame& frame, AVPixelFormat rgb_format,
                                  const std::string& name) {
  const Key key = key_of(frame, rgb_format);
  if (key == key_) return;
  key_ = {};
  scaler_.reset(allocated(sws_alloc_context()));
  rgb_.reset(allocated(av_frame_alloc()));
  SwsContext* const scaler = scaler_.get();
  for (const char* side : {"srcw", "dstw"}) av_opt_set_int(scaler, side, frame.width, 0);
  for (const char* side : {"srch", "dsth"}) av_opt_set_int(scaler, side, frame.height, 0);
  av_opt_set_int(scaler, "src_format", key.format, 0);
  av_opt_set_int(scaler, "dst_format", rgb_format, 0);
  av_opt_set_int(scaler, "sws_flags",
                 SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, 0);
  const int* const matrix = sws_getCoefficients(key.matrix);
  sws_setColorspaceDetails(scaler, matrix, key.full_range, sws_getCoefficients(SWS_CS_DEFAULT), 1,
                           0, 1 << 16, 1 << 16);
  rgb_->format = rgb_format;
  rgb_->width = frame.width;
  rgb_->height = frame.height;
  if (av_frame_get_buffer(rgb_.get(), 64) < 0) throw std::bad_alloc();
  if (sws_init_context(scaler, nullptr, nullptr) < 0) {
    const char* format_name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame.format));
    throw InputError(fmt::format("{}: its pixel format {} can't be turned into RGB", name,
                                 format_name == nullptr ? "?" : format_name));
  }
  key_ = key;
}

void RgbConverter::prepare_mapping(const ColourMarks& marks) {
  if (mapping_ != nullptr && marks == marks_) return;
  mapping_ = std::make_unique<ColourMapping>(marks);
  marks_ = marks;
}

void RgbConverter::scale(const AVFrame& frame, AVPixelFormat rgb_format, const std::string& name) {
  prepare_scaler(frame, rgb_format, name);
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, rgb_->data, rgb_->linesize);
}

/// Rows of the last frame scaled.
template <typename Sample>
const Sample* RgbConverter::scaled_row(int plane, int y) const {
  return reinterpret_cast<const Sample*>(rgb_->data[plane] + ptrdiff_t{y} * rgb_->linesize[plane]);
}

void RgbConverter::map_colours(const AVFrame& frame, const AVPixFmtDescriptor& descriptor,
                               const std::string& name, Image& image) {
  prepare_mapping(marks_of(frame));
  const size_t row_bytes = static_cast<size_t>(image.width) * 3;
  // swscale would take RGB through YUV.
  if (!holds_plain_samples(frame, descriptor)) {
    scale(frame, AV_PIX_FMT_GBRP16, name);
    for (int y = 0; y < image.height; ++y) {
      mapping_->map(scaled_row<uint16_t>(2, y), scaled_row<uint16_t>(0, y),
                    scaled_row<uint16_t>(1, y), image.width, image.rgb.data() + y * row_bytes);
    }
    return;
  }
  std::vector<uint16_t> rows[3];
  for (int y = 0; y < image.height; ++y) {
    for (int channel = 0; channel < 3; ++channel) {
      read_deep_row(frame, descriptor, channel, y, rows[channel]);
    }
    mapping_->map(rows[0].data(), rows[1].data(), rows[2].data(), image.width,
                  image.rgb.data() + y * row_bytes);
  }
}

Image RgbConverter::convert(const AVFrame& frame, const std::string& name, int64_t max_pixels) {
  Image image = make_image(frame.width, frame.height, name, {.max_pixels = max_pixels});
  const AVPixFmtDescriptor* descriptor =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if (descriptor == nullptr) throw InputError(name + ": unknown pixel format");
  if (needs_mapping(frame, *descriptor, kind_)) {
    map_colours(frame, *descriptor, name, image);
  } else if (holds_plain_samples(frame, *descriptor)) {
    copy_samples(frame, *descriptor, image);
    if (kind_ == FrameKind::kAnimation) put_on_white(frame, *descriptor, image);
  } else {
    scale(frame, AV_PIX_FMT_RGB24, name);
    const size_t row_bytes = static_cast<size_t>(image.width) * 3;
    for (int y = 0; y < image.height; ++y) {
      std::memcpy(image.rgb.data() + y * row_bytes, scaled_row<uint8_t>(0, y), row_bytes);
    }
  }
  return image;
}

}  // namespace owl3
