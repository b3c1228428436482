// What `owl3 chat` tells of an answer's evidence: lines for people, JSON for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "owl3/owl3.h"

namespace owl3::cli {

/// "crab.jpg", "page.png, tile 2 of 6", "page.png as a whole", "film.mp4 at 1:02.5".
std::string image_name(const Evidence& evidence, const ImageEvidence& image);

/// The leading images with their shares, a line each.
std::string evidence_text(const Evidence& evidence);

nlohmann::ordered_json evidence_json(const Evidence& evidence);

}  // namespace owl3::cli
