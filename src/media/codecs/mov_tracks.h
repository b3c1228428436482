// The tracks of QuickTime, MP4 and AVIF files, as far as FFmpeg does not tell of them.
#pragma once

#include <vector>

#include "media/codecs/ffmpeg_input.h"

namespace owl3 {

struct MovTrack {
  bool is_video = false;
  bool is_auxiliary = false;    // alpha or depth of another track
  bool has_own_data = false;    // data in this file
  bool has_references = false;  // data in others
};

struct MovTracks {
  std::vector<MovTrack> tracks;  // in the file's order, which is that of FFmpeg's streams
  bool names_films = false;      // a reference movie (rmra)

  /// Whether the file has no pictures to show but those in other files.
  bool only_refer() const;
};

MovTracks read_mov_tracks(const FfmpegInput& input);

}  // namespace owl3
