// What decoding stills and films through FFmpeg's libraries share: owned handles, error texts, and
// frames as 8-bit RGB.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>
#include <vector>

#include "media/codecs/colour_mapping.h"
#include "media/image.h"

namespace owl3 {

struct FfmpegDeleter {
  void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
template <typename T>
using Ffmpeg = std::unique_ptr<T, FfmpegDeleter>;

std::string ffmpeg_error_text(int error);

/// A decoder for the stream, not yet opened.
Ffmpeg<AVCodecContext> make_decoder(const AVStream& stream, const std::string& name);

/// The frame's alpha, [height, width]; empty where it has none, or where all of it is zero, which
/// is what writers leave who don't use it. Floating-point alpha counts as none.
std::vector<uint8_t> alpha_of(const AVFrame& frame);

/// What is made of frames that don't say enough of their colours, or have more than can be shown.
enum class FrameKind {
  kStill,       // unmarked YUV is BT.601, as in JPEG and HEIF; profiles are ignored, as Pillow does
  kFilm,        // unmarked YUV is BT.709 or BT.601 by the shape; wide gamuts become BT.709's
  kTurnedFilm,  // the same, for a film that is shown turned by 90 degrees
  kAnimation,   // as kFilm, with white behind what is transparent
};

/// Turns frames into RGB. RGB, grey and palette frames keep their exact values; YUV goes through
/// swscale with the frame's own matrix and range, and accurate rounding. HDR is mapped to ordinary
/// colours (colour_mapping.h).
class RgbConverter {
 public:
  explicit RgbConverter(FrameKind kind) : kind_(kind) {}
  Image convert(const AVFrame& frame, const std::string& name, int64_t max_pixels);

 private:
  struct Key {
    int width = 0, height = 0, format = -1, matrix = -1, full_range = -1, rgb_format = -1;
    bool operator==(const Key&) const = default;
  };
  Key key_of(const AVFrame& frame, AVPixelFormat rgb_format) const;
  void prepare_scaler(const AVFrame& frame, AVPixelFormat rgb_format, const std::string& name);
  void prepare_mapping(const ColourMarks& marks);
  void scale(const AVFrame& frame, AVPixelFormat rgb_format, const std::string& name);
  template <typename Sample>
  const Sample* scaled_row(int plane, int y) const;
  void map_colours(const AVFrame& frame, const AVPixFmtDescriptor& descriptor,
                   const std::string& name, Image& image);

  FrameKind kind_;
  Key key_;
  Ffmpeg<SwsContext> scaler_;
  Ffmpeg<AVFrame> rgb_;
  ColourMarks marks_;
  std::unique_ptr<const ColourMapping> mapping_;  // of marks_
};

}  // namespace owl3
