#include "field_films.h"

#include <gtest/gtest.h>

#include <cstring>

#include "media/codecs/ffmpeg.h"

namespace owl3::test {
namespace {

using Bytes8 = std::vector<uint8_t>;

class BitWriter {
 public:
  void put(int bits, uint32_t value) {
    for (int bit = bits - 1; bit >= 0; --bit) {
      if (used_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() = static_cast<uint8_t>(bytes_.back() | (value >> bit & 1) << (7 - used_ % 8));
      ++used_;
    }
  }
  /// Exp-Golomb.
  void ue(uint32_t value) {
    int length = 0;
    while ((value + 1) >> (length + 1) != 0) ++length;
    put(length, 0);
    put(length + 1, value + 1);
  }
  void align() { put((8 - used_ % 8) % 8, 0); }
  void start_code(uint32_t code) {
    align();
    put(24, 1);
    put(8, code);
  }
  const Bytes8& bytes() const { return bytes_; }

 private:
  Bytes8 bytes_;
  int used_ = 0;
};

void append(Bytes8& to, const Bytes8& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// A NAL unit behind its start code, with emulation prevention.
Bytes8 nal(uint8_t header, BitWriter bits) {
  bits.put(1, 1);
  bits.align();
  Bytes8 unit = {0, 0, 0, 1, header};
  int zeros = 0;
  for (const uint8_t byte : bits.bytes()) {
    if (zeros >= 2 && byte <= 3) unit.push_back(3), zeros = 0;
    unit.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return unit;
}

Bytes8 h264_parameter_sets() {
  BitWriter sps;
  sps.put(8, 77);  // Main
  sps.put(8, 0);
  sps.put(8, 30);
  sps.ue(0);
  sps.ue(0);  // frame_num of 4 bits
  sps.ue(0);  // pic_order_cnt_type
  sps.ue(4);  // pic_order_cnt_lsb of 8 bits
  sps.ue(1);  // reference frames
  sps.put(1, 0);
  sps.ue(0);      // 16 wide
  sps.ue(0);      // 16 high, twice
  sps.put(1, 0);  // not frames only
  sps.put(2, 1);  // no adaptive frames and fields; direct_8x8_inference
  sps.put(2, 0);  // no cropping, no usability information
  BitWriter pps;
  pps.ue(0);
  pps.ue(0);
  pps.put(2, 0);
  for (int i = 0; i < 3; ++i) pps.ue(0);
  pps.put(3, 0);
  for (int i = 0; i < 3; ++i) pps.ue(0);
  pps.put(3, 4);  // deblocking_filter_control_present
  Bytes8 both = nal(0x67, sps);
  append(both, nal(0x68, pps));
  return both;
}

Bytes8 h264_field(int frame, bool is_bottom) {
  const bool is_idr = frame == 0 && !is_bottom;
  BitWriter slice;
  slice.ue(0);
  slice.ue(7);  // I
  slice.ue(0);
  slice.put(4, static_cast<uint32_t>(frame % 16));
  slice.put(1, 1);  // a field
  slice.put(1, is_bottom ? 1 : 0);
  if (is_idr) slice.ue(0);
  slice.put(8, static_cast<uint32_t>(2 * frame + (is_bottom ? 1 : 0)) & 0xff);
  slice.put(is_idr ? 2 : 1, 0);
  slice.ue(0);   // QP
  slice.ue(1);   // no deblocking
  slice.ue(25);  // I_PCM
  slice.align();
  for (int i = 0; i < 256; ++i) slice.put(8, static_cast<uint32_t>(kFirstGrey + kGreyStep * frame));
  for (int i = 0; i < 128; ++i) slice.put(8, 128);
  Bytes8 picture = {0, 0, 0, 1, 0x09, 0xf0};  // access unit delimiter
  if (!is_bottom) append(picture, h264_parameter_sets());
  append(picture, nal(is_idr ? 0x65 : 0x61, slice));
  return picture;
}

void put_dc(BitWriter& bits, int difference) {
  static constexpr uint32_t kCodes[] = {4, 0, 1, 5, 6, 14, 30, 62};
  static constexpr int kLengths[] = {3, 2, 2, 3, 3, 4, 5, 6};
  int size = 0;
  while (std::abs(difference) >> size != 0) ++size;
  bits.put(kLengths[size], kCodes[size]);
  const int value = difference < 0 ? difference + (1 << size) - 1 : difference;
  bits.put(size, static_cast<uint32_t>(value));
  bits.put(2, 2);  // end of block
}

Bytes8 mpeg2_field(int frame, bool is_bottom) {
  BitWriter bits;
  if (!is_bottom) {
    bits.start_code(0xb3);
    bits.put(24, 16 << 12 | 32);
    bits.put(8, 0x13);  // square pixels, 25 a second
    bits.put(18, 2000);
    bits.put(1, 1);
    bits.put(13, 20 << 3);
    bits.start_code(0xb5);
    bits.put(12, 0x148);  // sequence extension, main profile and level
    bits.put(3, 1);       // interlaced, 4:2:0
    bits.put(16, 0);
    bits.put(1, 1);
    bits.put(16, 0);
    bits.start_code(0xb8);
    bits.put(12, 0);
    bits.put(1, 1);
    bits.put(12, static_cast<uint32_t>(frame));
    bits.put(2, 2);  // closed
  }
  bits.start_code(0x00);
  bits.put(10, 0);  // temporal_reference
  bits.put(3, 1);   // I
  bits.put(17, 0xffff << 1);
  bits.start_code(0xb5);
  bits.put(20, 0x8ffff);
  bits.put(2, 0);
  bits.put(2, is_bottom ? 2 : 1);
  bits.put(10, 0);
  bits.start_code(0x01);
  bits.put(6, 2);  // quantiser scale
  bits.put(2, 3);  // the next macroblock, intra
  put_dc(bits, kFirstGrey + kGreyStep * frame - 128);
  for (int block = 1; block < 4; ++block) put_dc(bits, 0);
  for (int block = 0; block < 2; ++block) bits.put(4, 2);
  bits.align();
  return bits.bytes();
}

struct Muxer {
  AVFormatContext* format = nullptr;
  ~Muxer() {
    if (format == nullptr) return;
    avio_closep(&format->pb);
    avformat_free_context(format);
  }
};

using FieldWriter = Bytes8 (*)(int frame, bool is_bottom);

void write_fields(const std::filesystem::path& path, const char* container, AVCodecID codec,
                  const Bytes8& extradata, FieldWriter field, int first_field, int frames) {
  Muxer muxer;
  ASSERT_GE(avformat_alloc_output_context2(&muxer.format, nullptr, container, path.c_str()), 0);
  ASSERT_GE(avio_open(&muxer.format->pb, path.c_str(), AVIO_FLAG_WRITE), 0);
  AVStream* stream = avformat_new_stream(muxer.format, nullptr);
  AVCodecParameters& parameters = *stream->codecpar;
  parameters.codec_type = AVMEDIA_TYPE_VIDEO;
  parameters.codec_id = codec;
  parameters.width = 16;
  parameters.height = 32;
  if (!extradata.empty()) {
    parameters.extradata =
        static_cast<uint8_t*>(av_mallocz(extradata.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    std::memcpy(parameters.extradata, extradata.data(), extradata.size());
    parameters.extradata_size = static_cast<int>(extradata.size());
  }
  stream->time_base = {1, 90000};
  ASSERT_GE(avformat_write_header(muxer.format, nullptr), 0);
  const Ffmpeg<AVPacket> packet(av_packet_alloc());
  for (int i = first_field; i < 2 * frames; ++i) {
    Bytes8 picture = field(i / 2, i % 2 != 0);
    ASSERT_GE(av_new_packet(packet.get(), static_cast<int>(picture.size())), 0);
    std::memcpy(packet->data, picture.data(), picture.size());
    packet->pts = packet->dts = av_rescale_q(i, {1, 50}, stream->time_base);
    packet->duration = av_rescale_q(1, {1, 50}, stream->time_base);
    if (i % 2 == 0) packet->flags |= AV_PKT_FLAG_KEY;
    ASSERT_GE(av_interleaved_write_frame(muxer.format, packet.get()), 0);
  }
  ASSERT_GE(av_write_trailer(muxer.format), 0);
}

}  // namespace

void write_h264_fields(const std::filesystem::path& path, const char* container, int frames,
                       bool begins_with_second_field) {
  write_fields(path, container, AV_CODEC_ID_H264, h264_parameter_sets(), &h264_field,
               begins_with_second_field ? 1 : 0, frames);
}

void write_mpeg2_fields(const std::filesystem::path& path, const char* container, int frames) {
  write_fields(path, container, AV_CODEC_ID_MPEG2VIDEO, {}, &mpeg2_field, 0, frames);
}

}  // namespace owl3::test
