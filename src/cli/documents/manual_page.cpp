// The manual page: what help says, command by command, as roff.
#include <fmt/format.h>

#include "cli/documents/documents.h"

namespace owl3::cli {

namespace {

/// The text as roff reads it: a hyphen that can be copied, no backslash and no line that begins as
/// a request.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

std::string option_entry(const OptionDescription& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  }
  if (!option.value.empty()) names += fmt::format(" \\fI{}\\fR", roff(option.value));
  return fmt::format(".TP\n{}\n{}\n", names, roff(option.text));
}

std::string usage(const std::string& path, const CommandDescription& command) {
  std::string line = "owl3 " + path;
  const size_t bare = line.size();
  for (const OptionDescription& option : command.options) {
    if (!option.is_argument) continue;
    line += option.required ? " " + option.names.front() : " [" + option.names.front() + "]";
  }
  return line + (command.commands.empty() || line.size() > bare ? " [OPTIONS]" : " COMMAND ...");
}

std::string literal(const std::string& text) {
  return text.empty() ? "" : fmt::format(".PP\n.nf\n{}\n.fi\n", roff(text));
}

}  // namespace

std::string manual_page(const CommandDescription& program) {
  std::string page = fmt::format(
      ".TH OWL3 1 \"\" \"owl3 {}\" \"User Commands\"\n.SH NAME\nowl3 \\- {}\n"
      ".SH SYNOPSIS\n\\fBowl3\\fR \\fICOMMAND\\fR ...\n.SH OPTIONS\n",
      OWL3_VERSION, roff(program.text));
  for (const OptionDescription& option : program.options) page += option_entry(option);
  page += ".SH COMMANDS\n";
  for (const auto& [path, command] : placed_commands(program)) {
    if (path.empty()) continue;
    page += fmt::format(".SS \"{}\"\n{}\n", roff(usage(path, *command)), roff(command->text));
    for (const OptionDescription& option : command->options) page += option_entry(option);
    page += literal(command->footer);
  }
  page +=
      ".SH EXIT STATUS\n"
      ".TP\n0\ndone\n"
      ".TP\n1\nan input is wrong, or the work failed; one line on standard error says what\n"
      ".TP\n2\nthe command line is wrong\n"
      ".TP\n128 + N\nended by signal N: 130 for Ctrl\\-C\n";
  if (!program.footer.empty()) page += ".SH NOTES\n" + literal(program.footer);
  return page;
}

}  // namespace owl3::cli
