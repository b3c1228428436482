// A film whose frames came one by one, as images.
#pragma once

#include <span>
#include <string>

#include "owl3/visual_memory.h"

namespace owl3 {

/// Of uncut images of one model, in their order. Throws UsageError where one is cut, or a film.
Medium film_of_frames(const Model& model, const std::string& name, std::span<const Medium> frames);

}  // namespace owl3
