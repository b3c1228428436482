// A film as a source of frames: its times from its packets, its frames from FilmDecoder.
#pragma once

#include <filesystem>
#include <memory>

#include "media/codecs/ffmpeg.h"
#include "media/frame_source.h"

namespace owl3 {

class FilmWatch;

/// Reads the film's packets once. Throws InputError when it can't be read or has no frames. The
/// watch must outlive the source.
std::unique_ptr<FrameSource> open_film_source(const std::filesystem::path& path,
                                              const VideoOptions& options, FilmWatch& watch);

/// The EXIF orientation that equals the film's display matrix.
int display_orientation(const AVStream& stream);
/// What is made of the frames of a film that is shown in this orientation.
FrameKind frame_kind(const AVFormatContext& film, int orientation);

}  // namespace owl3
