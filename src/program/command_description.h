// What a program's commands and options are, for completions and manual pages: read from the same
// definitions as its help.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace owl3 {

struct OptionDescription {
  std::vector<std::string> names;  // "-t", "--threads"; of an argument its name alone
  std::string value;               // "N"; empty for a flag
  std::string text;                // with its range
  std::vector<std::string> choices;
  bool is_argument = false;  // no option: MODEL
  bool required = false;     // of an argument
};

struct CommandDescription {
  std::string name;
  std::string text;
  std::string footer;
  std::vector<OptionDescription> options;
  std::vector<CommandDescription> commands;
};

CommandDescription describe(const CLI::App& app);

/// In one line, and back. Throws InputError for what is none.
std::string to_json_text(const CommandDescription& command);
CommandDescription command_description_of(const std::string& json_text);

}  // namespace owl3
