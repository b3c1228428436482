// How long a film is, without reading it.
#pragma once

#include <filesystem>
#include <optional>

namespace owl3 {

class FilmWatch;

/// As in media/codecs.h.
std::optional<double> told_film_seconds(const std::filesystem::path& path, FilmWatch& watch);

}  // namespace owl3
