#include "media/codecs/mpeg_video.h"

namespace owl3 {

MpegPicture read_mpeg_picture(std::span<const uint8_t> bytes) {
  constexpr uint8_t kPicture = 0x00;
  constexpr uint8_t kFirstSlice = 0x01;
  constexpr uint8_t kLastSlice = 0xaf;
  constexpr uint8_t kExtension = 0xb5;
  constexpr uint8_t kGroup = 0xb8;
  constexpr int kPictureCoding = 8;  // extension_start_code_identifier

  MpegPicture picture;
  for (size_t i = 0; i + 8 <= bytes.size(); ++i) {
    if (bytes[i] != 0 || bytes[i + 1] != 0 || bytes[i + 2] != 1) continue;
    const uint8_t code = bytes[i + 3];
    const auto field = bytes.subspan(i + 4);
    if (code == kPicture) {
      ++picture.pictures;
      picture.temporal_reference = field[0] << 2 | field[1] >> 6;
    } else if (code == kExtension && field[0] >> 4 == kPictureCoding) {
      picture.structure = field[2] & 3;
    } else if (code == kGroup) {
      picture.closed_group = (field[3] & 0x40) != 0;
    } else if (code >= kFirstSlice && code <= kLastSlice && picture.structure == 3) {
      break;  // the rest is the frame's
    }
    i += 3;
  }
  return picture;
}

}  // namespace owl3
