// Unicode's general categories as sets, for \p{...} in patterns.
#pragma once

#include <optional>
#include <string_view>

#include "constraint/char_set.h"

namespace owl3 {

/// By its short or long name ("L", "Letter", "Lu", "Uppercase_Letter", "gc=Nd"), "Any" and "ASCII";
/// nothing for other properties.
std::optional<CharSet> characters_of_category(std::string_view name);

}  // namespace owl3
