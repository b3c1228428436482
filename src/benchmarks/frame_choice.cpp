#include "benchmarks/frame_choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "benchmarks/python_values.h"
#include "core/error.h"
#include "media/video_sampling.h"

namespace owl3 {

namespace {

constexpr int64_t kMostFrames = int64_t{1} << 24;  // of a choice: what no clip has

using Segments = std::vector<std::pair<int64_t, int64_t>>;

/// The range begin <= frame < end in `count` parts, whose bounds are numpy's linspace, truncated.
Segments segments_of(int64_t begin, int64_t end, int64_t count) {
  Segments segments(static_cast<size_t>(count));
  const auto start = static_cast<double>(begin);
  const double step = (static_cast<double>(end) - start) / static_cast<double>(count);
  int64_t from = begin;
  for (int64_t i = 1; i <= count; ++i) {
    const int64_t to =
        i == count ? end : static_cast<int64_t>(static_cast<double>(i) * step + start);
    segments[static_cast<size_t>(i - 1)] = {from, to - 1};
    from = to;
  }
  return segments;
}

void check_clip(int64_t frame_count, double fps, int64_t num_frames) {
  if (!(fps > 0) || !std::isfinite(fps) || fps > 1e6) {
    throw InputError(fmt::format("a clip of {} frames a second cannot be sampled", fps));
  }
  if (frame_count < 0 || frame_count > (int64_t{1} << 40)) {
    throw InputError(fmt::format("a clip of {} frames cannot be sampled", frame_count));
  }
  if (num_frames < 1 || num_frames > kMostFrames) {
    throw InputError(
        fmt::format("the number of frames must be 1 to {}, not {}", kMostFrames, num_frames));
  }
}

struct FrameRange {
  int64_t begin = 0, end = 0;  // frames begin <= i < end
};

int64_t frame_at(double fps, double seconds) {
  return static_cast<int64_t>(std::clamp(fps * seconds, -1e15, 1e15));
}

FrameRange range_within(const ClipBounds& bounds, int64_t frame_count, double fps) {
  return {std::max<int64_t>(frame_at(fps, bounds.start.value_or(0)), 0),
          std::min(frame_at(fps, *bounds.end), frame_count)};
}

/// The official code takes a start at 0 for none.
bool has_bounds(const ClipBounds& bounds, Compatibility mode) {
  if (!bounds.end || *bounds.end == 0) return false;
  return mode == Compatibility::kIntended ? bounds.start.has_value()
                                          : bounds.start.value_or(0) != 0;
}

std::vector<int64_t> middles(const Segments& segments) {
  std::vector<int64_t> frames;
  for (const auto& [first, last] : segments) frames.push_back((first + last) / 2);
  return frames;
}

std::vector<int64_t> padded(std::vector<int64_t> frames, int64_t num_frames) {
  const int64_t last = frames.back();
  frames.resize(std::max(frames.size(), static_cast<size_t>(num_frames)), last);
  return frames;
}

}  // namespace

FrameChoice choose_evaluation_frames(int64_t frame_count, double fps, int64_t num_frames,
                                     const ClipBounds& bounds, Compatibility mode) {
  check_clip(frame_count, fps, num_frames);
  const bool bounded = has_bounds(bounds, mode);
  const FrameRange range =
      bounded ? range_within(bounds, frame_count, fps) : FrameRange{0, frame_count};
  const int64_t length = range.end - range.begin;
  if (length <= 0) {
    throw InputError(bounded ? fmt::format("no frame of the clip, {} at {} a second, lies between "
                                           "{} s and {} s",
                                           frame_count, fps, bounds.start.value_or(0), *bounds.end)
                             : std::string("the clip has no frames"));
  }
  const Segments segments = segments_of(range.begin, range.end, std::min(num_frames, length));
  FrameChoice choice;
  if (bounded) choice.segments = segments;
  if (bounded && mode == Compatibility::kOfficial && length > num_frames) {
    // One of each is drawn from first <= frame < last, which is nothing where a segment has one
    // frame: then the official code draws from the whole range.
    const bool drawable = std::all_of(segments.begin(), segments.end(),
                                      [](const auto& s) { return s.first < s.second; });
    choice.how = drawable ? FrameChoice::How::kOnePerSegment : FrameChoice::How::kPermutation;
    return choice;
  }
  choice.frames = padded(middles(segments), num_frames);
  return choice;
}

std::vector<int64_t> draw_frames(const FrameChoice& choice, std::mt19937_64& random) {
  if (choice.how == FrameChoice::How::kFrames) return choice.frames;
  std::vector<int64_t> frames;
  if (choice.how == FrameChoice::How::kOnePerSegment) {
    for (const auto& [first, last] : choice.segments) {
      frames.push_back(first +
                       static_cast<int64_t>(random() % static_cast<uint64_t>(last - first)));
    }
    return frames;
  }
  const int64_t begin = choice.segments.front().first, end = choice.segments.back().second + 1;
  std::vector<int64_t> all(static_cast<size_t>(end - begin));
  std::iota(all.begin(), all.end(), begin);
  std::sample(all.begin(), all.end(), std::back_inserter(frames), choice.segments.size(), random);
  return frames;
}

std::string frame_times(const std::vector<int64_t>& frames, double fps) {
  std::string times;
  for (const int64_t frame : frames) {
    // numpy rounds a time to tenths by rounding ten times it.
    const double tenths = std::nearbyint(static_cast<double>(frame) / fps * 10);
    if (!times.empty()) times += ", ";
    times += fmt::format("{:.1f}", tenths / 10);
  }
  return times;
}

std::vector<int64_t> choose_folder_frames(const ClipBounds& bounds, double fps, int64_t first_index,
                                          int64_t last_index, int64_t num_frames) {
  check_clip(last_index, fps, num_frames);
  constexpr double kFar = 100000;  // seconds: the official code's word for no bounds
  const int64_t start =
      std::max(first_index,
               python::round_to_integer(std::clamp(bounds.start.value_or(-kFar), -1e9, 1e9) * fps));
  const int64_t end = std::min(
      python::round_to_integer(std::clamp(bounds.end.value_or(kFar), -1e9, 1e9) * fps), last_index);
  const double segment = static_cast<double>(end - start) / static_cast<double>(num_frames);
  std::vector<int64_t> frames;
  for (int64_t i = 0; i < num_frames; ++i) {
    const auto offset =
        static_cast<double>(python::round_to_integer(segment * static_cast<double>(i)));
    frames.push_back(static_cast<int64_t>((static_cast<double>(start) + segment / 2) + offset));
  }
  return frames;
}

std::vector<int64_t> choose_frames_at_rate(int64_t frame_count, double fps, double output_fps,
                                           int64_t max_frames) {
  check_clip(frame_count, fps, std::max<int64_t>(max_frames, 1));
  if (!(output_fps > 0) || !std::isfinite(output_fps)) {
    throw InputError(fmt::format("frames cannot be taken {} times a second", output_fps));
  }
  const double delta = 1 / output_fps;
  const double first = delta / 2;
  const double stop = static_cast<double>(frame_count) / fps + delta / 2;
  const double moments = std::ceil((stop - first) / delta);
  if (moments > static_cast<double>(kMostFrames)) {
    throw InputError(fmt::format("{} frames a second are too many of this clip", output_fps));
  }
  const double step = (first + delta) - first;  // as numpy's arange fills its values
  std::vector<int64_t> frames;
  for (int64_t i = 0; i < static_cast<int64_t>(moments); ++i) {
    const double moment = first + static_cast<double>(i) * step;
    const int64_t frame = python::round_to_integer(moment * fps);
    if (frame < frame_count) frames.push_back(frame);
  }
  if (max_frames > 0 && std::ssize(frames) > max_frames) {
    frames.resize(static_cast<size_t>(max_frames));
  }
  return frames;
}

std::vector<int64_t> choose_chat_frames(int64_t frame_count, double fps, int64_t max_frames) {
  check_clip(frame_count, fps, max_frames);
  if (python::round_to_integer(fps) == 0) {
    throw InputError(
        fmt::format("the demo's sampler is not defined at {} frames a second: it looks "
                    "at every round(fps)-th frame",
                    fps));
  }
  return sample_frames(frame_count, fps, 1.0, max_frames);
}

}  // namespace owl3
