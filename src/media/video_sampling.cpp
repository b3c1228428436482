// Which frames of a film the model sees.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "media/video.h"

namespace owl3 {
namespace {

/// Round half to even whatever the thread's rounding mode: 24.5 -> 24, 25.5 -> 26.
double round_half_to_even(double value) {
  const double below = std::floor(value);
  const double fraction = value - below;
  if (fraction != 0.5) return fraction < 0.5 ? below : below + 1;
  return std::fmod(below, 2.0) == 0.0 ? below : below + 1;
}

}  // namespace

std::vector<int64_t> sample_frames(int64_t frame_count, double source_fps, double fps,
                                   int64_t max_frames) {
  if (!(fps > 0) || !std::isfinite(fps)) {
    throw UsageError(fmt::format("frames per second must be greater than 0, not {}", fps));
  }
  if (max_frames <= 0) {
    throw UsageError(fmt::format("the number of frames must be at least 1, not {}", max_frames));
  }
  if (!std::isfinite(source_fps)) source_fps = 0;  // unknown: every frame, then max_frames of them
  const double exact_step = std::clamp(round_half_to_even(source_fps / fps), 1.0, 4e18);
  const auto step = static_cast<int64_t>(exact_step);
  const int64_t every = frame_count <= 0 ? 0 : (frame_count - 1) / step + 1;

  std::vector<int64_t> frames(static_cast<size_t>(std::min(every, max_frames)));
  const double gap = static_cast<double>(every) / static_cast<double>(max_frames);
  for (size_t i = 0; i < frames.size(); ++i) {
    frames[i] = static_cast<int64_t>(i) * step;
    if (every > max_frames) {
      frames[i] = static_cast<int64_t>(std::floor(static_cast<double>(i) * gap + gap / 2)) * step;
    }
  }
  return frames;
}

}  // namespace owl3
