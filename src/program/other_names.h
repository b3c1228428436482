// What other programs call the commands and options that are here under names of their own: people
// type what they are used to.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace owl3 {

/// "chat" for "run"; nothing where no such command is known, or its own name is not in `there`.
std::string command_known_elsewhere(std::string_view word, std::span<const std::string> there);

/// "--image" for "--img", "--max-new-tokens" for "--tokens"; nothing likewise.
std::string option_known_elsewhere(std::string_view word, std::span<const std::string> there);

}  // namespace owl3
