// Pictures as FFmpeg's decoders need them: what it would misread is rewritten, and what it would
// not miss is looked for.
#pragma once

#include <string>
#include <vector>

#include "media/codecs/ffmpeg.h"
#include "media/decode_formats.h"

namespace owl3 {

struct FfmpegPicture {
  Bytes bytes;                            // the file's, or those of `copy`
  std::vector<std::byte> copy;            // where it had to be rewritten
  const AVInputFormat* format = nullptr;  // where FFmpeg would not recognise it
  bool is_upside_down = false;            // as FFmpeg decodes it
  std::vector<std::string> warnings{};
};

/// Throws InputError for a file that breaks off before its pixels end, and that FFmpeg would fill
/// up with black. The bytes must outlive the result, which may be moved.
FfmpegPicture prepare_for_ffmpeg(Bytes bytes, const std::string& name);

}  // namespace owl3
