// Films whose frames come as two pictures, a field each, which no encoder at hand makes: written
// bit by bit, one macroblock a field, and put into a container by libavformat.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace owl3::test {

/// 16 x 32 pixels, 25 frames a second; frame n is grey, brighter than frame n - 1 by 4.
inline constexpr int kFirstGrey = 40;
inline constexpr int kGreyStep = 4;

/// H.264 (ITU-T H.264, 7.3): I_PCM macroblocks. A film may begin with a frame's second field.
void write_h264_fields(const std::filesystem::path& path, const char* container, int frames,
                       bool begins_with_second_field = false);
/// MPEG-2 (ISO/IEC 13818-2, 6.2): intra macroblocks of nothing but DC.
void write_mpeg2_fields(const std::filesystem::path& path, const char* container, int frames);

}  // namespace owl3::test
