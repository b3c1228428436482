// Evidence as a picture: how much each image was attended to, the leading ones with what was
// attended to in them, and the answer's words with what they were read from.
#pragma once

#include <string>
#include <vector>

#include "cli/chat/evidence_pictures.h"

namespace owl3::cli {

/// What there is to draw.
struct EvidenceScene {
  const Evidence& evidence;
  std::string question;
  std::string answer;
  std::vector<EvidencePicture> pictures;
};

/// A picture that needs no other file.
std::string evidence_svg(const EvidenceScene& scene);
/// A page that needs no other file: the picture, and all images as a table.
std::string evidence_html(const EvidenceScene& scene);

}  // namespace owl3::cli
