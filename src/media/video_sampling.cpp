#include "media/video_sampling.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr double kEveryFrame = 1e300;  // frames a second

/// Round half to even whatever the thread's rounding mode: 24.5 -> 24, 25.5 -> 26.
double round_half_to_even(double value) {
  const double below = std::floor(value);
  const double fraction = value - below;
  if (fraction != 0.5) return fraction < 0.5 ? below : below + 1;
  return std::fmod(below, 2.0) == 0.0 ? below : below + 1;
}

void check_rate(double fps, int64_t max_frames) {
  if (!(fps > 0) || !std::isfinite(fps)) {
    throw UsageError(fmt::format("frames per second must be greater than 0, not {}", fps));
  }
  if (max_frames <= 0) {
    throw UsageError(fmt::format("the number of frames must be at least 1, not {}", max_frames));
  }
}

int64_t official_step(double source_fps, double fps) {
  return static_cast<int64_t>(std::clamp(round_half_to_even(source_fps / fps), 1.0, 4e18));
}

/// Of `count` things that could be taken, at most `most`: all, or as the official sampler spreads
/// them.
std::vector<int64_t> spread(int64_t count, int64_t most) {
  std::vector<int64_t> taken(static_cast<size_t>(std::clamp<int64_t>(count, 0, most)));
  const double gap = static_cast<double>(count) / static_cast<double>(most);
  for (size_t i = 0; i < taken.size(); ++i) {
    taken[i] = static_cast<int64_t>(i);
    if (count > most) {
      taken[i] = static_cast<int64_t>(std::floor(static_cast<double>(i) * gap + gap / 2));
    }
  }
  return taken;
}

/// Whether each frame is shown within half a frame's time of when a constant rate would show it.
bool has_constant_rate(const std::vector<double>& seconds) {
  if (seconds.size() < 3) return true;
  const double interval =
      (seconds.back() - seconds.front()) / static_cast<double>(seconds.size() - 1);
  for (size_t i = 0; i < seconds.size(); ++i) {
    const double expected = seconds.front() + static_cast<double>(i) * interval;
    if (std::abs(seconds[i] - expected) > interval / 2) return false;
  }
  return true;
}

/// The highest rate at which frames of the film follow each other anywhere.
double finest_rate(const std::vector<double>& seconds) {
  double shortest = INFINITY;
  for (size_t i = 1; i < seconds.size(); ++i) {
    shortest = std::min(shortest, seconds[i] - seconds[i - 1]);
  }
  return seconds.size() < 2 ? 0 : 1 / shortest;
}

/// Whether the official sampler gives what is asked for: its steps are whole frames.
bool official_step_fits(const FrameTimes& film, double fps) {
  constexpr double kTolerance = 0.1;
  if (!(film.fps > 0) || !std::isfinite(film.fps)) return false;
  const double rate = film.fps / static_cast<double>(official_step(film.fps, fps));
  return std::abs(rate / fps - 1) <= kTolerance && has_constant_rate(film.seconds);
}

/// The first frame shown at or after a moment.
int64_t frame_from(const std::vector<double>& seconds, double moment) {
  return std::lower_bound(seconds.begin(), seconds.end(), moment) - seconds.begin();
}

/// The frame on the screen at a moment that is not before the first.
int64_t frame_at(const std::vector<double>& seconds, double moment) {
  constexpr double kClockTick = 1e-6;  // finer than films' clocks: for the rounding of ours
  return std::max<int64_t>(
      std::upper_bound(seconds.begin(), seconds.end(), moment + kClockTick) - seconds.begin() - 1,
      0);
}

/// What the official sampler takes of the frames first shown within the range.
std::vector<int64_t> choose_by_count(const FrameTimes& film, const VideoOptions& options,
                                     double fps) {
  const auto count = static_cast<int64_t>(film.seconds.size());
  const int64_t first = frame_from(film.seconds, options.start_seconds);
  const int64_t last =
      options.end_seconds > 0 ? frame_from(film.seconds, options.end_seconds) : count;
  std::vector<int64_t> frames = sample_frames(last - first, film.fps, fps, options.max_frames);
  for (int64_t& frame : frames) frame += first;
  return frames;
}

/// The frames on the screen at the range's begin and each 1 / fps seconds after it.
std::vector<int64_t> choose_by_time(const FrameTimes& film, const VideoOptions& options) {
  const double end =
      options.end_seconds > 0 ? std::min(options.end_seconds, film.end_seconds) : film.end_seconds;
  // Rounded, so that a film of 2.9999999 s has three moments at one a second, not three and one
  // more for 3.0000001 s.
  const double exact = (end - options.start_seconds) * options.fps;
  const auto moments = static_cast<int64_t>(std::clamp(std::ceil(exact - 1e-4), 0.0, 4e18));
  std::vector<int64_t> frames = spread(moments, options.max_frames);
  for (int64_t& frame : frames) {
    const double moment = options.start_seconds + static_cast<double>(frame) / options.fps;
    frame = frame_at(film.seconds, moment);
  }
  return frames;
}

}  // namespace

std::vector<int64_t> sample_frames(int64_t frame_count, double source_fps, double fps,
                                   int64_t max_frames) {
  check_rate(fps, max_frames);
  if (!std::isfinite(source_fps)) source_fps = 0;  // unknown: every frame, then max_frames of them
  const int64_t step = official_step(source_fps, fps);
  const int64_t every = frame_count <= 0 ? 0 : (frame_count - 1) / step + 1;
  std::vector<int64_t> frames = spread(every, max_frames);
  for (int64_t& frame : frames) frame *= step;
  return frames;
}

std::vector<int64_t> choose_frames(const FrameTimes& film, const VideoOptions& options) {
  check_rate(options.fps, options.max_frames);
  if (options.sampling == FrameSampling::kOfficial) {
    return choose_by_count(film, options, options.fps);
  }
  std::vector<int64_t> frames;
  if (official_step_fits(film, options.fps)) {
    frames = choose_by_count(film, options, options.fps);
  } else if (options.fps > 1 && options.fps >= finest_rate(film.seconds)) {
    frames = choose_by_count(film, options, kEveryFrame);
  }
  return frames.empty() ? choose_by_time(film, options) : frames;
}

}  // namespace owl3
