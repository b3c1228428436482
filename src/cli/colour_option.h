// Colours on the command line and in saved conversations: names, #rgb, #rrggbb.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "owl3/options.h"

namespace owl3::cli {

/// Nothing for what is no colour.
std::optional<Colour> parse_colour(const std::string& text);

/// "#rrggbb".
std::string colour_text(const Colour& colour);

/// What a colour may be, for messages.
inline constexpr const char* kColourForms = "a colour: white, black, grey, ... or #rrggbb";

/// Refuses what is no colour.
CLI::Validator colour_check();

}  // namespace owl3::cli
