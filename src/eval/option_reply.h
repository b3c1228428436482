// The reply that chooses an option.
#pragma once

#include <string>

#include "eval/exam.h"

namespace owl3 {

/// Its letter where options are lettered; the right sentence with that option in the right one's
/// place ("The ground is red."); else the option's own words.
std::string reply_with_option(const Ask& ask, size_t option);

}  // namespace owl3
