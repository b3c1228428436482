// What the headers of MPEG-1 and MPEG-2 pictures tell (ISO/IEC 13818-2, 6.2).
#pragma once

#include <cstdint>
#include <span>

namespace owl3 {

struct MpegPicture {
  int pictures = 0;            // coded in the bytes
  int temporal_reference = 0;  // of the last one
  int structure = 3;           // of the last one: 1 the top field, 2 the bottom field, 3 a frame
  bool closed_group = false;   // a group begins here whose B pictures need nothing before it
};

MpegPicture read_mpeg_picture(std::span<const uint8_t> bytes);

}  // namespace owl3
