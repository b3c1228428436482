#include "cli/chat/live_options.h"

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "program/duration_option.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

constexpr const char* kLive = "Live pictures";

/// "600" is frames, "10m" time.
void take_window(const std::string& text, LiveArguments& arguments) {
  constexpr int64_t kMostFrames = 1'000'000'000;
  const std::optional<double> seconds = parse_duration(text);
  const std::optional<int64_t> frames = decimal<int64_t>(text);
  if (seconds && *seconds > 0) {
    arguments.window_seconds = seconds;
  } else if (frames && *frames >= 1 && *frames <= kMostFrames) {
    arguments.window_frames = frames;
  } else {
    throw CLI::ValidationError(
        "--window",
        fmt::format("must be a span of time such as 10m, or a number of frames, not \"{}\"", text));
  }
}

void add_standing_options(CLI::App& command, LiveArguments& arguments) {
  command
      .add_option("--ask", arguments.questions,
                  "Ask this again and again, as often as --every says; repeatable")
      ->type_name("TEXT")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kLive);
  command
      .add_option("--every", arguments.every_seconds,
                  "The time between them, in the source, such as 10s or 5m")
      ->transform(duration())
      ->type_name("TIME")
      ->group(kLive);
}

}  // namespace

void add_live_options(CLI::App& command, LiveArguments& arguments) {
  command
      .add_option("--live", arguments.source,
                  "Look at what comes: a camera (/dev/video0), a file that grows, a pipe (- for "
                  "standard input), a stream's URL, or the pictures that come into a folder; --fps "
                  "of its frames")
      ->type_name("SOURCE")
      ->group(kLive);
  command
      .add_option_function<std::string>(
          "--window", [&arguments](const std::string& text) { take_window(text, arguments); },
          "How far back it is seen: time such as 90s or 1h, or a number of frames (10m)")
      ->type_name("TIME|N")
      ->group(kLive);
  command
      .add_flag(
          "--exact", arguments.exact,
          "Read the window's text anew for a question, so that nothing of what is forgotten is "
          "left in the answer")
      ->group(kLive);
  add_standing_options(command, arguments);
  command
      .add_option("--protocols", arguments.protocols,
                  "What a stream may open beside its URL's own protocol, such as https,crypto")
      ->delimiter(',')
      ->type_name("NAME,...")
      ->group(kLive);
  command
      .add_flag("!--no-skip", arguments.skip,
                "Let a file or pipe wait for the encoding, rather than leave frames out")
      ->group(kLive);
  command
      .add_option("--idle", arguments.idle_seconds,
                  "End when nothing has come for so long (default: wait for ever)")
      ->transform(duration())
      ->type_name("TIME")
      ->group(kLive);
}

void check_live_arguments(const LiveArguments& arguments) {
  const bool is_live = !arguments.source.empty();
  const bool has_questions = !arguments.questions.empty();
  const bool has_options = arguments.window_frames || arguments.window_seconds || has_questions ||
                           arguments.every_seconds > 0 || !arguments.protocols.empty() ||
                           !arguments.skip || arguments.exact || arguments.idle_seconds > 0;
  if (!is_live && has_options) {
    throw UsageError(
        "--window, --ask, --every, --protocols, --no-skip, --exact and --idle are for --live; give "
        "a "
        "SOURCE with that");
  }
  if (has_questions != (arguments.every_seconds > 0)) {
    throw UsageError(has_questions ? "--ask: say how often, with --every"
                                   : "--every: say what to ask, with --ask");
  }
}

}  // namespace owl3::cli
