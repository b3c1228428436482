// A film as a source of frames: its times from its packets, its frames from FilmDecoder.
#pragma once

#include <filesystem>
#include <memory>

#include "media/codecs/ffmpeg.h"
#include "media/frame_source.h"

namespace owl3 {

class FilmWatch;

/// As in media/codecs.h.
std::unique_ptr<FrameSource> open_film_source(const std::filesystem::path& path,
                                              const VideoOptions& options, FilmWatch& watch,
                                              std::shared_ptr<const FilmIndex> known);

/// The EXIF orientation that equals the film's display matrix.
int display_orientation(const AVStream& stream);
/// What is made of the frames of a film that is shown in this orientation.
FrameKind frame_kind(const AVFormatContext& film, int orientation);

}  // namespace owl3
