// Live pictures through FFmpeg: files that grow, pipes, cameras, streams.
#pragma once

#include <memory>

#include "media/live_reader.h"

namespace owl3 {

/// As open_live(), for all but folders.
std::unique_ptr<LiveReader> open_live_film(const LiveInput& input, FilmWatch& watch);

}  // namespace owl3
