#include "media/codecs/field_pairs.h"

#include <algorithm>

#include "media/codecs/mpeg_video.h"

namespace owl3 {

FieldPairs::FieldPairs(const AVStream& stream) : codec_(stream.codecpar->codec_id) {
  if (codec_ != AV_CODEC_ID_H264) return;
  context_.reset(avcodec_alloc_context3(nullptr));
  parser_.reset(av_parser_init(codec_));
  if (context_ == nullptr || parser_ == nullptr ||
      avcodec_parameters_to_context(context_.get(), stream.codecpar) < 0) {
    parser_.reset();
    return;
  }
  parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
}

bool FieldPairs::is_second_field(const AVPacket& packet) {
  Field field;
  if (!read_field(packet, field)) {
    has_first_ = false;
    return false;
  }
  const bool pairs =
      has_first_ && field.is_bottom != first_.is_bottom && field.frame == first_.frame;
  has_first_ = !pairs;
  first_ = field;
  return pairs;
}

bool FieldPairs::read_field(const AVPacket& packet, Field& field) {
  if (codec_ == AV_CODEC_ID_H264) return read_h264_field(packet, field);
  if (codec_ != AV_CODEC_ID_MPEG2VIDEO) return false;
  const MpegPicture picture =
      read_mpeg_picture({packet.data, static_cast<size_t>(std::max(packet.size, 0))});
  if (picture.pictures != 1 || (picture.structure != 1 && picture.structure != 2)) return false;
  field = {picture.structure == 2, picture.temporal_reference};
  return true;
}

bool FieldPairs::read_h264_field(const AVPacket& packet, Field& field) {
  if (parser_ == nullptr || packet.size <= 0) return false;
  uint8_t* data = nullptr;
  int size = 0;
  av_parser_parse2(parser_.get(), context_.get(), &data, &size, packet.data, packet.size,
                   packet.pts, packet.dts, packet.pos);
  if (parser_->picture_structure != AV_PICTURE_STRUCTURE_TOP_FIELD &&
      parser_->picture_structure != AV_PICTURE_STRUCTURE_BOTTOM_FIELD) {
    return false;
  }
  field = {parser_->picture_structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD,
           parser_->output_picture_number >> 1};  // fields of a frame have 2n and 2n or 2n + 1
  return true;
}

}  // namespace owl3
