// What decoding stills and films through FFmpeg's libraries share: owned handles, error texts, and
// frames as 8-bit RGB.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

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

/// Turns off FFmpeg's own messages: ours name the file and say what to do.
void silence_ffmpeg();
std::string ffmpeg_error_text(int error);

/// A decoder for the stream, not yet opened.
Ffmpeg<AVCodecContext> make_decoder(const AVStream& stream, const std::string& name);

/// Turns frames into RGB. RGB, grey and palette frames keep their exact values; YUV goes through
/// swscale with the frame's own matrix and range, and accurate rounding.
class RgbConverter {
 public:
  Image convert(const AVFrame& frame, const std::string& name, int64_t max_pixels);

 private:
  void prepare_scaler(const AVFrame& frame, const std::string& name);

  struct Key {
    int width = 0, height = 0, format = -1, matrix = -1, full_range = -1;
    bool operator==(const Key&) const = default;
  };
  Key key_;
  Ffmpeg<SwsContext> scaler_;
  Ffmpeg<AVFrame> rgb_;
};

}  // namespace owl3
