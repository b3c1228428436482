// What somebody may have meant who mistyped a name.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace owl3 {

/// The candidate that the fewest slips (a letter wrong, missing, too many, two exchanged) lead
/// from; empty where none is near: a third of the letters at most.
std::string most_similar(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean NAME?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// The same for a path that is not there: another name for the first part of it that is missing, so
/// that all of it is there. Nothing where that folder can't be read.
std::string did_you_mean_file(const std::filesystem::path& missing);

}  // namespace owl3
