// FFmpeg's own messages, which nobody needs: ours name the file and say what to do. What FFmpeg
// prints is set for the whole process, in which others may use it too.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
}

namespace owl3 {

/// While one lives, in whichever thread, FFmpeg prints nothing; then the level is again what it
/// was, or what somebody has set meanwhile.
class SilentFfmpeg {
 public:
  SilentFfmpeg();
  ~SilentFfmpeg();
  SilentFfmpeg(const SilentFfmpeg&) = delete;
  SilentFfmpeg& operator=(const SilentFfmpeg&) = delete;
};

/// The decoder alone, for as long as it lives: its threads work on between calls.
void silence(AVCodecContext& decoder);

}  // namespace owl3
