// The programs beside this one: what needs large libraries is done by owl3-train (LibTorch) and
// owl3-draw (Cairo, FreeType), so that owl3 itself loads none of them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

enum class Companion { kTrain, kDraw };

/// Where it is: in the folder of this program. Throws Error, which says how to get it, where it is
/// not.
std::filesystem::path find_companion(Companion companion);

/// This process becomes the companion.
[[noreturn]] void become_companion(Companion companion, std::vector<std::string> arguments);

/// Runs it with `input` on its standard input; what it prints is dropped, what it complains of goes
/// to standard error. Returns its exit code, 128 and the signal's number where one ended it.
int run_companion(Companion companion, std::vector<std::string> arguments, std::string_view input);

/// What it prints on standard output; complaints are dropped. Throws Error where it fails.
std::string companion_output(Companion companion, std::vector<std::string> arguments);

}  // namespace owl3
