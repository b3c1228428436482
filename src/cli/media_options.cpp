#include "cli/media_options.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "core/colour.h"
#include "core/error.h"
#include "program/colour_option.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

constexpr double kMaxFps = 1000;
constexpr double kMaxSeconds = 1e9;

void require(bool holds, const char* message) {
  if (!holds) throw UsageError(message);
}

}  // namespace

void add_reading_options(CLI::App& command, const ReadingOptionsOf& options,
                         const std::string& group) {
  ImageOptions& image = options.image;
  VideoOptions& video = options.video;
  command
      .add_flag_function(
          "--cut,!--no-cut", [&image](int64_t given) { image.cut = given > 0; },
          "Cut images into tiles and a global view, for detail (default, unless the checkpoint "
          "says otherwise), or not: 4 to 7 times faster")
      ->group(group);
  command
      .add_flag("!--no-exif", image.apply_exif_orientation,
                "Leave photos as they lie, whatever their EXIF orientation")
      ->group(group);
  command
      .add_option_function<std::string>(
          "--background",
          [&image](const std::string& text) { image.background = parse_colour(text); },
          "Lay what is transparent over this colour (white, #rrggbb); default: as the reference "
          "does, the colours stored there, black mostly")
      ->check(colour_check())
      ->type_name("COLOUR")
      ->group(group);
  command
      .add_option_function<int64_t>(
          "--max-pixels",
          [&image, &video](int64_t most) { image.max_pixels = video.max_pixels = most; },
          fmt::format("Refuse images and films that claim more pixels a picture ({})", kMaxPixels))
      ->transform(whole_number(1))
      ->type_name("N")
      ->group(group);
  command
      .add_flag("--strict", options.strict,
                "An image that can't be read ends the work, even among others")
      ->group(group);
  command.add_option("--fps", video.fps, "Frames looked at per second of film (1)")
      ->transform(positive_number(kMaxFps))
      ->type_name("N")
      ->group(group);
  command
      .add_option("--max-frames", video.max_frames,
                  fmt::format("At most this many, spread over the film ({})", options.max_frames))
      ->transform(whole_number(1))
      ->type_name("N")
      ->group(group);
  command
      .add_option_function<std::string>(
          "--sampling",
          [&video](const std::string& name) {
            video.sampling = name == "official" ? FrameSampling::kOfficial : FrameSampling::kTime;
          },
          "Frames by their time on the screen (default), or official: the reference's count")
      ->check(CLI::IsMember({"time", "official"}))
      ->type_name("NAME")
      ->group(group);
  command.add_option("--start", video.start_seconds, "Look at the film from here")
      ->transform(real_number(0, kMaxSeconds))
      ->type_name("SECONDS")
      ->group(group);
  command.add_option("--end", video.end_seconds, "Look at the film up to here")
      ->transform(real_number(0, kMaxSeconds))
      ->type_name("SECONDS")
      ->group(group);
}

void check_video_options(const VideoOptions& video) {
  require(video.fps > 0 && video.fps <= 1000, "--fps: must be above 0 and at most 1000");
  require(video.max_frames >= 1, "--max-frames: must be at least 1");
  require(video.max_pixels >= 1, "--max-pixels: must be at least 1");
  require(std::isfinite(video.start_seconds) && video.start_seconds >= 0,
          "--start: must be 0 or more seconds");
  require(std::isfinite(video.end_seconds) && video.end_seconds >= 0,
          "--end: must be 0 or more seconds");
  require(video.end_seconds == 0 || video.end_seconds > video.start_seconds,
          "--end: must be later than --start");
}

}  // namespace owl3::cli
