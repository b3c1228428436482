// The options of `owl3 chat` that say what form its answers have.
#pragma once

#include <optional>
#include <string>

#include "owl3/chat.h"

namespace CLI {
class App;
}

namespace owl3::cli {

/// As the user gave them: one of these, or none.
struct FormArguments {
  std::optional<std::string> schema;   // a file, or the JSON itself
  std::optional<std::string> choices;  // with commas between
  std::optional<std::string> regex;
  bool json = false;
};

void add_form_options(CLI::App& command, FormArguments& arguments, const char* group);

/// The form, which answers can be held to; nothing where none is given. Throws UsageError or
/// InputError, with the option.
std::optional<AnswerForm> read_form(const FormArguments& arguments);

/// What to say where an answer was to have a form and was cut short; empty where not.
std::string warning_of_cut(const std::optional<AnswerForm>& form, const Answer& answer);

}  // namespace owl3::cli
