// Numbers on the command line: decimal ("010" is ten, "0x10" is none), and within their range.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace owl3 {

/// The decimal number that the whole text is; a plus sign may stand before it. Nothing for any
/// other text, one beyond the type's range, or what is not finite.
template <typename T>
std::optional<T> decimal(std::string_view text);

/// For CLI::Option::transform(), which every option that is a number or a list of them has: refuses
/// what is no decimal number from `low` to `high`, and says which those are, as its description
/// does.
CLI::Validator whole_number(int64_t low, int64_t high = std::numeric_limits<int64_t>::max());
CLI::Validator real_number(double low, double high);
/// Zero is not among them.
CLI::Validator positive_number(double high);
/// Of the unsigned type: every 64 bits are a seed.
CLI::Validator seed_number();

/// -t, --threads N; 0 is what affinity and CPU quota allow. `what` begins its description.
CLI::Option* add_threads_option(CLI::App& command, int& threads,
                                const std::string& what = "Threads");

}  // namespace owl3
