// `owl3 completions` and `owl3 man`.
#include "cli/documents/documents.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "core/error.h"
#include "core/similar.h"
#include "program/companion.h"
#include "program/program.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

/// Lays the companion's commands over those that only hand on to it.
void merge(CommandDescription& own, CommandDescription companions) {
  for (CommandDescription& command : companions.commands) {
    const auto at = std::find_if(own.commands.begin(), own.commands.end(),
                                 [&](const auto& other) { return other.name == command.name; });
    if (at == own.commands.end()) continue;
    if (at->commands.empty()) {
      command.text = at->text;
      *at = std::move(command);
    } else {
      merge(*at, std::move(command));
    }
  }
}

/// All commands; of a companion that is not there, or is of another owl3, their names alone.
CommandDescription describe_all(const CLI::App& program) {
  CommandDescription description = describe(program);
  for (const Companion companion : {Companion::kDraw, Companion::kTrain}) {
    const char* commands = companion == Companion::kDraw
                               ? "make-data and plot"
                               : "train, inspect train and inspect distractors";
    try {
      merge(description, command_description_of(companion_output(companion, {kDescribeCommands})));
    } catch (const Error& error) {
      tell_warning(fmt::format("without the options of {}: {}", commands, error.what()));
    }
  }
  for (CommandDescription& command : description.commands) {
    if (command.name != "help") continue;
    for (const CommandDescription& other : description.commands) {
      for (OptionDescription& option : command.options) {
        if (option.is_argument) option.choices.push_back(other.name);
      }
    }
  }
  return description;
}

/// `owl3 help eval` goes on with eval's parts.
void add_parts_to_help(CommandDescription& program) {
  std::vector<CommandDescription> with_parts;
  for (const CommandDescription& command : program.commands) {
    if (command.commands.empty()) continue;
    CommandDescription helped = {command.name, command.text, "", {}, {}};
    for (const CommandDescription& part : command.commands) {
      helped.commands.push_back({part.name, part.text, "", {}, {}});
    }
    with_parts.push_back(std::move(helped));
  }
  for (CommandDescription& command : program.commands) {
    if (command.name == "help") command.commands = with_parts;
  }
}

/// As CLI::IsMember, with what was probably meant.
CLI::Validator one_of(const std::vector<std::string>& names) {
  const std::string list = fmt::format("{{{}}}", fmt::join(names, ","));
  return {[names, list](std::string& text) {
            if (std::find(names.begin(), names.end(), text) != names.end()) return std::string();
            return fmt::format("{} not in {}{}", text, list, did_you_mean(text, names));
          },
          list};
}

}  // namespace

void add_completions_command(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completions", "Print completions for a shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(one_of({"bash", "zsh", "fish"}))
      ->type_name("");
  command->footer(
      "Installed copies have them in place. Otherwise:\n"
      "Examples:\n"
      "  owl3 completions bash > ~/.local/share/bash-completion/completions/owl3\n"
      "  owl3 completions zsh > ~/.zfunc/_owl3            a folder of $fpath\n"
      "  owl3 completions fish > ~/.config/fish/completions/owl3.fish");
  command->callback([&app, shell] {
    CommandDescription program = describe_all(app);
    add_parts_to_help(program);
    const std::string text = *shell == "bash"  ? bash_completions(program)
                             : *shell == "zsh" ? zsh_completions(program)
                                               : fish_completions(program);
    fmt::print("{}", text);
  });
}

void add_man_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page");
  command->footer("Examples:\n  owl3 man | man -l -");
  command->callback([&app] { fmt::print("{}", manual_page(describe_all(app))); });
}

}  // namespace owl3::cli
