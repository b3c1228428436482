// Which frames of a clip the official evaluation shows. Its sampler is not that of the demo
// (media/video_sampling.h): it takes the middle of equal segments.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/compatibility.h"

namespace owl3 {

/// Seconds between which a question looks; absent: none given.
struct ClipBounds {
  std::optional<double> start, end;
};

struct FrameChoice {
  enum class How {
    kFrames,         // `frames`
    kOnePerSegment,  // drawn: one of each segment, but its last
    kPermutation,    // drawn: of the whole range, as many as there are segments, in order
  };
  How how = How::kFrames;
  std::vector<int64_t> frames;  // with kFrames
  std::vector<std::pair<int64_t, int64_t>>
      segments;  // of a range with bounds: first and last frame
};

/// The frames of a clip of `frame_count` at `fps`: cut into `num_frames` segments, of each the
/// middle; the last repeated where there are too few. With bounds the official code draws at
/// random, and ignores bounds that begin at 0; the intended choice is the middle of segments within
/// them. Throws InputError where no frame lies in the range.
FrameChoice choose_evaluation_frames(int64_t frame_count, double fps, int64_t num_frames,
                                     const ClipBounds& bounds, Compatibility mode);

/// The frames that a choice leaves to chance.
std::vector<int64_t> draw_frames(const FrameChoice& choice, std::mt19937_64& random);

/// When frames are shown, as the official code writes it: "0.6, 1.8".
std::string frame_times(const std::vector<int64_t>& frames, double fps);

/// MVBench's clips that are folders of stills, numbered from `first_index` to `last_index`. Some
/// choices lie outside the folder, officially too.
std::vector<int64_t> choose_folder_frames(const ClipBounds& bounds, double fps, int64_t first_index,
                                          int64_t last_index, int64_t num_frames);

/// Frames at a rate: the middle of each 1 / output_fps seconds, at most `max_frames` where that is
/// more than 0.
std::vector<int64_t> choose_frames_at_rate(int64_t frame_count, double fps, double output_fps,
                                           int64_t max_frames);

/// The demo's sampler: a frame a second, thinned to `max_frames`. Throws InputError at half a frame
/// a second and less, where the official one is not defined.
std::vector<int64_t> choose_chat_frames(int64_t frame_count, double fps, int64_t max_frames);

}  // namespace owl3
