#include "media/codecs/ffmpeg_log.h"

extern "C" {
#include <libavutil/log.h>
}

#include <mutex>

namespace owl3 {
namespace {

/// As process-wide as the level itself.
struct Silence {
  std::mutex mutex;
  int asked_by = 0;
  int level_before = 0;
};
Silence& silence_of_process() {
  static Silence silence;
  return silence;
}

}  // namespace

SilentFfmpeg::SilentFfmpeg() {
  Silence& silence = silence_of_process();
  const std::lock_guard lock(silence.mutex);
  if (silence.asked_by++ > 0) return;
  silence.level_before = av_log_get_level();
  av_log_set_level(AV_LOG_QUIET);
}

SilentFfmpeg::~SilentFfmpeg() {
  Silence& silence = silence_of_process();
  const std::lock_guard lock(silence.mutex);
  if (--silence.asked_by > 0) return;
  if (av_log_get_level() == AV_LOG_QUIET) av_log_set_level(silence.level_before);
}

void silence(AVCodecContext& decoder) {
  constexpr int kBeyondAllLevels = 1000;
  decoder.log_level_offset = kBeyondAllLevels;
}

}  // namespace owl3
