// Spans of time on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string_view>

namespace owl3 {

/// Seconds of "90s", "10m", "1.5h" or "250ms". Nothing for any other text, a number without a unit
/// too.
std::optional<double> parse_duration(std::string_view text);

/// For CLI::Option::transform(): makes seconds of a span of time above zero; refuses other texts.
CLI::Validator duration();

}  // namespace owl3
