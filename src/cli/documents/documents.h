// Completions for shells and the manual page, made of the descriptions of all commands.
#pragma once

#include <string>

#include "program/command_description.h"

namespace owl3::cli {

std::string bash_completions(const CommandDescription& program);
std::string zsh_completions(const CommandDescription& program);
std::string fish_completions(const CommandDescription& program);

/// owl3(1), for man.
std::string manual_page(const CommandDescription& program);

/// Whether the value is a path, by what help calls it ("FILE...", "OUT").
bool is_path(const OptionDescription& option);

/// A command and those that lead to it: "inspect image"; empty for the program.
struct PlacedCommand {
  std::string path;
  const CommandDescription* command = nullptr;
};
/// The program itself, and all its commands and their parts, each before its parts.
std::vector<PlacedCommand> placed_commands(const CommandDescription& program);

}  // namespace owl3::cli
