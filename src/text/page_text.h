// What pages and drawings (HTML, SVG) that need no other file are written with.
#pragma once

#include <string>
#include <string_view>

namespace owl3 {

/// The text as it may stand in markup, in double quotes too: nothing in it is taken for a tag,
/// whoever wrote it. What is no UTF-8 becomes U+FFFD, control characters become spaces.
std::string escaped(std::string_view text);

std::string base64_of(std::string_view bytes);

}  // namespace owl3
