// A film file, opened for its video stream.
#pragma once

#include <filesystem>
#include <memory>

#include "media/codecs/ffmpeg_input.h"

namespace owl3 {

struct Film {
  std::unique_ptr<FfmpegInput> input;
  Ffmpeg<AVFormatContext> format;
  AVStream* stream = nullptr;

  /// The next packet of the video stream; what av_read_frame returns. Throws where the watch ends
  /// the work.
  int read_packet(AVPacket* packet) const;
};

/// Throws InputError when the file can't be read, holds no video, or only names other files. The
/// watch, which must outlive the film, is given the time that a file of this size may take.
Film open_film(const std::filesystem::path& path, FilmWatch& watch);

}  // namespace owl3
