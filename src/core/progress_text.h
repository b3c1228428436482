// The pieces that lines of progress are made of.
#pragma once

#include <string>

namespace owl3 {

/// "0:05", "12:34", "1:02:03"; rounded to seconds.
std::string duration_text(double seconds);

/// "███░░": `width` columns, of which `fraction` are filled.
std::string bar_text(double fraction, int width);

}  // namespace owl3
