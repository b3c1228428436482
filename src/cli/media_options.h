// The options that say how photos and films are read, of every command that reads some.
#pragma once

#include <string>

#include "owl3/options.h"

namespace CLI {
class App;
}

namespace owl3::cli {

/// What the options set.
struct ReadingOptionsOf {
  ImageOptions& image;
  VideoOptions& video;
  bool& strict;            // what can't be read ends the work
  std::string max_frames;  // the default, as the help has it
};

/// Adds them under the heading `group` of the help.
void add_reading_options(CLI::App& command, const ReadingOptionsOf& options,
                         const std::string& group);

/// Throws UsageError where values don't fit together.
void check_video_options(const VideoOptions& video);

}  // namespace owl3::cli
