// QuickTime and MP4 files whose pictures lie in other files.
#pragma once

#include "media/ffmpeg_input.h"

namespace owl3 {

/// Whether the file names other films (a reference movie, `rmra`), or has video tracks all of which
/// are kept in other files (`dref` entries that are not of this file), and so has none to show.
bool is_reference_movie(const FfmpegInput& input);

}  // namespace owl3
