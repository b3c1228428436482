#include "program/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "core/bus_error.h"
#include "core/error.h"
#include "core/similar.h"
#include "program/command_description.h"
#include "program/failure.h"
#include "program/help.h"
#include "program/interrupt.h"
#include "program/other_names.h"
#include "program/terminal.h"

namespace owl3 {

namespace {

enum ExitCode { kSuccess = 0, kUsage = 2 };

/// Whether a script reads what the command prints.
bool asks_for_json(const std::vector<std::string>& words) {
  const auto options_end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), options_end, "--json") != options_end;
}

/// One line on standard error; with --json an object on standard output, too, where a script looks
/// for the result.
int report(const Failure& failure, bool as_json = false) {
  if (as_json) fmt::print("{}\n", failure_json(failure));
  std::fflush(stdout);
  tell(fmt::format("owl3: {}\n", one_line(failure.message)));
  return failure.exit_code;
}

/// The command (and part) that the arguments name so far: "owl3 inspect image".
const CLI::App& named_command(const CLI::App& app, std::string& name) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  return *command;
}

/// "owl3 inspect image"
std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "owl3" : full_name(*parent) + " " + command.get_name();
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

/// For the first word of the command line that looks like one of its options and is none.
std::string did_you_mean_option(const CLI::App& command, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_fnames()) names.push_back("--" + name);
  }
  for (const std::string& argument : words) {
    const std::string word = argument.substr(0, argument.find('='));
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      const std::string own = option_known_elsewhere(word, names);
      return own.empty() ? did_you_mean(word, names) : fmt::format("; did you mean {}?", own);
    }
  }
  return {};
}

/// `owl3 help convert` is `owl3 convert --help`; without words, `owl3 --help`.
std::vector<std::string> without_help_command(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (words.empty() || words[0] != "help") return words;
  for (const std::string& word : words) {
    if (word.starts_with("-")) return words;
  }
  words.erase(words.begin());
  words.push_back("--help");
  return words;
}

std::string did_you_mean_command(const std::string& word, const std::vector<std::string>& names) {
  if (word == "version") return "; did you mean owl3 --version?";
  const std::string own = command_known_elsewhere(word, names);
  return own.empty() ? did_you_mean(word, names) : fmt::format("; did you mean {}?", own);
}

/// What the words name where a command belongs, if there is no such: asked before CLI11, which
/// would show the help of `owl3 chta --help`. Of `owl3 help` all words are such.
std::optional<std::string> unknown_command(const CLI::App& app,
                                           const std::vector<std::string>& words, bool of_help) {
  const CLI::App* command = &app;
  std::string name = "owl3";
  if (!words.empty() && (words[0] == "-v" || words[0] == "-V" || words[0] == "-version")) {
    return fmt::format("unknown option \"{}\"; did you mean owl3 --version?", words[0]);
  }
  for (const std::string& word : words) {
    const std::vector<std::string> names = command_names(*command);
    if (word.starts_with("-")) return {};
    if (names.empty()) {
      if (!of_help || command->get_prefix_command()) return {};
      return fmt::format("not expected: {} (owl3 help takes the names of commands and their parts)",
                         word);
    }
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      if (takes_arguments(*command) && !of_help) return {};
      return fmt::format("unknown command \"{}\"{} ({} --help lists them)", word,
                         did_you_mean_command(word, names), name);
    }
    command = command->get_subcommand(word);
    name += " " + word;
  }
  return {};
}

/// The first word that looks like an option and is none of the command's.
std::string unknown_option(const CLI::App& command, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (!word.starts_with("-")) continue;
    if (command.get_option_no_throw(word.substr(0, word.find('='))) == nullptr) return word;
  }
  return {};
}

/// Where a group of commands gets none.
std::string no_command_message(const CLI::App& group, const CLI::ParseError& error,
                               const std::vector<std::string>& words) {
  if (words.size() <= (group.get_parent() == nullptr ? 0U : 1U)) return "no command given";
  const std::string option = unknown_option(group, words);
  if (option.empty()) return error.what();
  return fmt::format("unknown option \"{}\"{}", option, did_you_mean_option(group, words));
}

/// In place of CLI11's "At Most 1 required but received 2".
std::string mismatch_message(const CLI::App& command, const std::string& text) {
  const std::string name = text.substr(0, text.find(':'));
  const CLI::Option* option = command.get_option_no_throw(name);
  if (option == nullptr) return text;
  if (text.ends_with(" missing")) return name + ": its value is missing";
  if (text.find(": At Most 1 ") == std::string::npos) return text;
  return fmt::format("{}: is given {} times; give it once", name, option->results().size());
}

/// What a command does not take, in the order of the command line, which CLI11 turns round.
std::string left_over_message(const CLI::App& command, const std::vector<std::string>& words,
                              const ArgumentAdvice& advise) {
  const std::vector<std::string> left_over = command.remaining();
  std::string advice = did_you_mean_option(command, words);
  if (advice.empty() && advise) advice = advise(command, left_over);
  return fmt::format("not expected: {}{}", fmt::join(left_over, " "), advice);
}

std::string usage_message(const CLI::App& app, const CLI::ParseError& error,
                          const std::vector<std::string>& words, const ArgumentAdvice& advise) {
  std::string name = "owl3";
  const CLI::App& command = named_command(app, name);
  if (!command_names(command).empty() && !takes_arguments(command)) {
    return fmt::format("{} ({} --help lists them)", no_command_message(command, error, words),
                       name);
  }
  std::string problem = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    problem = left_over_message(command, words, advise);
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    problem = mismatch_message(command, problem);
  }
  return fmt::format("{} ({} --help explains the options)", problem, name);
}

Failure with_advice(Failure failure, const FailureAdvice& advise) {
  if (advise && failure.kind == std::string_view("input"))
    failure.message += advise(failure.message);
  return failure;
}

/// A full disk or a closed pipe shows only when the last bytes go out.
int finish_output(int code) {
  flush_output();
  return code;
}

/// Descriptors 0 to 2, where the parent left them closed: a file opened later must not become
/// standard output. What stands in refuses all reading or writing, as a closed one does.
void fill_closed_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // Takes the lowest free descriptor: this one.
    ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

/// CLI11 takes what stands behind an option for its value, whatever it is: `--image -p "Who?"`.
void refuse_options_as_values(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) continue;
    for (const std::string& value : option->results()) {
      if (value.size() < 2 || value[0] != '-') continue;
      if (command.get_option_no_throw(value) == nullptr) continue;
      throw UsageError(
          fmt::format("{}: its value is missing: {} stands behind it ({} --help "
                      "explains the options)",
                      option->get_name(), value, full_name(command)));
    }
  }
}

void set_up_app(CLI::App& app, const std::function<void(CLI::App&)>& set_up) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "Show this help");
  app.require_subcommand(1);
  set_up(app);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->group("Commands");
    command->parse_complete_callback([command] { refuse_options_as_values(*command); });
    for (CLI::App* part : command->get_subcommands([](CLI::App*) { return true; })) {
      part->group("Parts");
      part->parse_complete_callback([part] { refuse_options_as_values(*part); });
    }
  }
}

int run_command(CLI::App& app, std::vector<std::string> words) {
  if (words == std::vector<std::string>{kDescribeCommands}) {  // for the program beside this one
    fmt::print("{}\n", to_json_text(describe(app)));
    return finish_output(kSuccess);
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version);
  } catch (const CLI::RuntimeError& ended) {  // how a command ends with a code of its own
    return finish_output(ended.get_exit_code());
  }
  return finish_output(kSuccess);
}

}  // namespace

void prepare_process() {
  // `owl3 ... | head` ends quietly, even where the parent ignores SIGPIPE.
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error as a full disk is
  fill_closed_descriptors();
  end_with_message_on_bus_errors();
  // Line editing counts characters by the locale; numbers keep their points.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
}

int run_program(CLI::App& app, const std::function<void(CLI::App&)>& set_up, int argc, char** argv,
                const ArgumentAdvice& advise, const FailureAdvice& advise_on_input) {
  set_up_app(app, set_up);
  const std::vector<std::string> commands = command_names(app);
  const bool helps = std::find(commands.begin(), commands.end(), "help") != commands.end();
  const std::vector<std::string> words =
      helps ? without_help_command(argc, argv)
            : std::vector<std::string>(argv + std::min(argc, 1), argv + argc);
  const bool as_json = asks_for_json(words);
  try {
    const bool of_help = argc > 1 && argv[1] == std::string_view("help") && words.front() != "help";
    if (const auto problem = unknown_command(app, words, of_help)) throw UsageError(*problem);
    return run_command(app, words);
  } catch (const CLI::ParseError& error) {
    return report({kUsage, "usage", usage_message(app, error, words, advise)}, as_json);
  } catch (const ToldFailure&) {
    return report(with_advice(current_failure(), advise_on_input));
  } catch (const OutputFailed&) {
    return report(current_failure());
  } catch (...) {
    return report(with_advice(current_failure(), advise_on_input), as_json);
  }
}

}  // namespace owl3
