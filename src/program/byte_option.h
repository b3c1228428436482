// Amounts of memory and of disk on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace owl3 {

/// "4G", "1.5GB" and "500M" in powers of 1000, "4Gi" and "4GiB" in powers of 1024, "1000000" and
/// "12k"; upper or lower case. Nothing for any other text, or for more than 2^63 - 1.
std::optional<int64_t> parse_byte_count(std::string_view text);

/// For CLI::Option::transform(): refuses what is no such amount, or less than `low` bytes.
CLI::Validator byte_count(int64_t low);

}  // namespace owl3
