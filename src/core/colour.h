// Colours as people write them: names, #rgb, #rrggbb.
#pragma once

#include <optional>
#include <string>

#include "owl3/options.h"

namespace owl3 {

/// Nothing for what is no colour.
std::optional<Colour> parse_colour(const std::string& text);

/// "#rrggbb".
std::string colour_text(const Colour& colour);

/// What a colour may be, for messages.
inline constexpr const char* kColourForms = "a colour: white, black, grey, ... or #rrggbb";

}  // namespace owl3
