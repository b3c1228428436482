#include "program/help.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "program/terminal.h"

namespace owl3 {

namespace {

constexpr size_t kTextColumn = 31;

size_t line_columns() {
  const int columns = is_terminal(STDOUT_FILENO) ? terminal_columns(STDOUT_FILENO) : 100;
  return static_cast<size_t>(std::clamp(columns, 60, 100));
}

/// "  name      text", the text wrapped in its column; a long name has a line of its own.
std::string two_columns(const std::string& name, std::string_view text) {
  std::string out = "  " + name;
  size_t column = out.size();
  const auto indent = [&] {
    out.append(kTextColumn - column, ' ');
    column = kTextColumn;
  };
  const auto new_line = [&] {
    out += '\n';
    column = 0;
    indent();
  };
  if (column + 2 <= kTextColumn) {
    indent();
  } else {
    new_line();
  }
  bool first_word = true;
  while (!text.empty()) {
    const size_t length = std::min(text.find(' '), text.size());
    if (!first_word && column + 1 + length > line_columns()) {
      new_line();
    } else if (!first_word) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, length);
    column += length;
    text.remove_prefix(std::min(length + 1, text.size()));
    first_word = false;
  }
  return out + '\n';
}

/// " [from 0 to 1024]", of an option that is a number: the words of the error beyond it.
std::string range_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t colon = type.find(':');
  if (colon == type.npos) return {};
  const std::string range = type.substr(colon + 1);
  const bool is_range =
      range.starts_with("from ") || range.starts_with("above ") || range.ends_with(" or more");
  return is_range ? " [" + range + "]" : "";
}

}  // namespace

std::string option_text(const CLI::Option& option) {
  std::string text = option.get_description() + range_of(option);
  if (!option.get_default_str().empty()) text += " (default: " + option.get_default_str() + ")";
  return text;
}

std::string argument_name(const CLI::Option& option) {
  const std::string name = option.get_name(true, false);
  return option.get_required() ? name : "[" + name + "]";
}

bool takes_arguments(const CLI::App& command) {
  return !command.get_options([](const CLI::Option* option) { return option->get_positional(); })
              .empty();
}

HelpFormatter::HelpFormatter() {
  label("Positionals", "Arguments");
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return app->get_description() + "\n\n";
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const {
  std::string usage = "Usage: " + name;
  for (const CLI::Option* option :
       app->get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    usage += " " + argument_name(*option);
  }
  const bool has_commands = !app->get_subcommands([](const CLI::App*) { return true; }).empty();
  return usage + (has_commands && !takes_arguments(*app) ? " COMMAND ..." : " [OPTIONS]") + "\n";
}

std::string HelpFormatter::make_group(std::string group, bool is_positional,
                                      std::vector<const CLI::Option*> options) const {
  // CLI11 puts an empty line between the groups of options as well.
  std::string text = is_positional || group == "Options" ? "\n" : "";
  text += group + ":\n";
  for (const CLI::Option* option : options) text += make_option(option, is_positional);
  return text;
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string name = make_option_name(option, is_positional);
  // "--no-cut{false}" is how CLI11 notes a flag that turns something off.
  for (size_t at = name.find("{false}"); at != name.npos; at = name.find("{false}"))
    name.erase(at, 7);
  std::replace(name.begin(), name.end(), ',', ' ');
  if (const size_t space = name.find(' '); space != name.npos) name.insert(space, ",");
  if (!is_positional && option->get_type_size() != 0 && !option->get_type_name().empty()) {
    // A validator's set, "{a,b}" and the like, says more in the description.
    const std::string type = option->get_type_name();
    name += " " + type.substr(0, type.find_first_of(" :{"));
  }
  return two_columns(name, option_text(*option));
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  return two_columns(command->get_name(), command->get_description());
}

}  // namespace owl3
