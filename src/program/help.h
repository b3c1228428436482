// How the program's help looks: a line per option, wrapped to the terminal, defaults at the end.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace owl3 {

/// What help says of an option: its description, range and default.
std::string option_text(const CLI::Option& option);

/// An argument as the usage shows it: "FILE", or "[MODEL]" where it may be left out.
std::string argument_name(const CLI::Option& option);
/// Whether the command takes arguments; one with parts is then more than their name.
bool takes_arguments(const CLI::App& command);

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_description(const CLI::App* app) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
};

}  // namespace owl3
