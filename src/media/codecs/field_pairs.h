// Interlaced films may code the two fields of a frame as two pictures, in packets of their own: a
// packet is not a frame then.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
}

#include <memory>

#include "media/codecs/ffmpeg.h"

namespace owl3 {

/// Tells which packets complete the frame that another one began. H.264 (picture-adaptive coding,
/// as in AVCHD and 1080i broadcasts) and MPEG-2; others have no such packets.
class FieldPairs {
 public:
  explicit FieldPairs(const AVStream& stream);

  /// For each packet, in the file's order: whether it is the second field of the frame begun by the
  /// one before.
  bool is_second_field(const AVPacket& packet);

 private:
  struct CloseParser {
    void operator()(AVCodecParserContext* parser) const { av_parser_close(parser); }
  };
  /// A picture that is one field.
  struct Field {
    bool is_bottom = false;
    int frame = 0;  // the same for both fields of a frame, another one for its neighbours'
  };
  bool read_field(const AVPacket& packet, Field& field);
  bool read_h264_field(const AVPacket& packet, Field& field);

  AVCodecID codec_;
  Ffmpeg<AVCodecContext> context_;  // H.264's parameter sets
  std::unique_ptr<AVCodecParserContext, CloseParser> parser_;
  bool has_first_ = false;  // first_ waits for its second
  Field first_;
};

}  // namespace owl3
