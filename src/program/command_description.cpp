#include "program/command_description.h"

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "program/help.h"

namespace owl3 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OptionDescription, names, value, text, choices, is_argument,
                                   required)

// By hand, for commands within commands.
void to_json(nlohmann::json& json, const CommandDescription& command) {
  json = {{"name", command.name},
          {"text", command.text},
          {"footer", command.footer},
          {"options", command.options},
          {"commands", nlohmann::json::array()}};
  for (const CommandDescription& part : command.commands) json["commands"].push_back(part);
}

void from_json(const nlohmann::json& json, CommandDescription& command) {
  json.at("name").get_to(command.name);
  json.at("text").get_to(command.text);
  json.at("footer").get_to(command.footer);
  json.at("options").get_to(command.options);
  for (const nlohmann::json& part : json.at("commands")) {
    command.commands.push_back(part.get<CommandDescription>());
  }
}

namespace {

/// Of "NAME:{a,b}", as CLI11 notes a set to choose from.
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  const size_t begin = type.find(":{");
  const size_t end = type.rfind('}');
  if (begin == type.npos || end == type.npos) return choices;
  std::string set = type.substr(begin + 2, end - begin - 2);
  for (size_t comma = 0; comma != set.npos;) {
    comma = set.find(',');
    choices.push_back(set.substr(0, comma));
    if (comma != set.npos) set.erase(0, comma + 1);
  }
  return choices;
}

OptionDescription describe_option(const CLI::Option& option) {
  OptionDescription described;
  described.is_argument = option.get_positional();
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  if (described.is_argument) described.names = {option.get_name(true, false)};
  described.required = option.get_required();
  const std::string type = option.get_type_name();
  if (option.get_type_size() != 0) described.value = type.substr(0, type.find_first_of(" :{"));
  described.choices = choices_of(type);
  described.text = option_text(option);
  return described;
}

}  // namespace

CommandDescription describe(const CLI::App& app) {
  CommandDescription command{app.get_name(), app.get_description(), app.get_footer(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) command.options.push_back(describe_option(*option));
  }
  for (const CLI::App* part : app.get_subcommands([](const CLI::App*) { return true; })) {
    command.commands.push_back(describe(*part));
  }
  return command;
}

std::string to_json_text(const CommandDescription& command) {
  return nlohmann::json(command).dump();
}

CommandDescription command_description_of(const std::string& json_text) {
  try {
    return nlohmann::json::parse(json_text).get<CommandDescription>();
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("the description of commands: {}", error.what()));
  }
}

}  // namespace owl3
