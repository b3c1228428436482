// Spans of time on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string_view>

namespace owl3 {

/// Seconds of "90s", "10m", "1.5h", "250ms" or "1m30s". Nothing for any other text, a number
/// without a unit too.
std::optional<double> parse_duration(std::string_view text);

/// For CLI::Option::transform(): makes seconds of a span of time above zero; refuses other texts.
CLI::Validator duration();
/// A number without a unit is seconds.
CLI::Validator duration_or_seconds();

}  // namespace owl3
