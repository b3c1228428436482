// Colours on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace owl3 {

/// Refuses what is no colour (core/colour.h).
CLI::Validator colour_check();

}  // namespace owl3
