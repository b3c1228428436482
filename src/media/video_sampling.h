// Which frames of a film the model sees.
#pragma once

#include <cstdint>
#include <vector>

#include "owl3/options.h"

namespace owl3 {

/// The official sampler (model-spec: Video): every round(source_fps / fps)-th frame, then, when
/// that is more than max_frames, max_frames of them uniformly. Indices ascend.
std::vector<int64_t> sample_frames(int64_t frame_count, double source_fps, double fps,
                                   int64_t max_frames);

/// When the frames of a film are shown, from its beginning.
struct FrameTimes {
  std::vector<double> seconds;  // ascending, the first is 0
  double end_seconds = 0;       // when the last is no longer shown
  double fps = 0;               // the rate that the container tells; 0: unknown
};

/// The frames looked at, ascending, by FrameSampling. One that is on the screen at several of the
/// moments comes as often. Empty where nothing of the film lies in the range.
std::vector<int64_t> choose_frames(const FrameTimes& film, const VideoOptions& options);

}  // namespace owl3
