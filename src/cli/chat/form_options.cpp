#include "cli/chat/form_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "constraint/answer_form.h"
#include "core/error.h"
#include "core/mapped_file.h"

namespace owl3::cli {

namespace {

constexpr const char* kBlanks = " \t\r\n";

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string text_of_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  const auto* text = reinterpret_cast<const char*>(file->bytes().data());
  return std::string(text, file->bytes().size());
}

/// "yes, no": the texts between commas, each once, without blanks around them.
std::vector<std::string> choices_of(const std::string& list) {
  std::vector<std::string> choices;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    std::string choice = trimmed(list.substr(begin, end - begin));
    if (std::find(choices.begin(), choices.end(), choice) == choices.end()) {
      choices.push_back(std::move(choice));
    }
    begin = end + 1;
  }
  return choices;
}

/// Compiles it, so that what can't be kept to is told before a model is loaded. What is wrong with
/// a file is another matter than what is with the command line.
void check_form(const AnswerForm& form, const std::string& option, bool from_file) {
  try {
    AnswerGrammar grammar(form, IntegerTexts::kDigits);
  } catch (const UsageError& error) {
    throw UsageError(option + ": " + error.what());
  } catch (const InputError& error) {
    if (!from_file) throw UsageError(option + ": " + error.what());
    throw InputError(option + ": " + error.what());
  }
}

}  // namespace

void add_form_options(CLI::App& command, FormArguments& arguments, const char* group) {
  command
      .add_option("--schema", arguments.schema,
                  "Answers are JSON that is valid under this JSON Schema: a file, or the schema "
                  "itself, {...}")
      ->type_name("FILE|JSON")
      ->group(group);
  command
      .add_option("--choices", arguments.choices,
                  "Answers are one of these texts, such as \"yes,no,unclear\"")
      ->type_name("TEXT,...")
      ->group(group);
  command
      .add_option("--regex", arguments.regex, "Answers match this regular expression, all of them")
      ->type_name("RE")
      ->group(group);
  command
      .add_flag("--json-answer", arguments.json,
                "Answers are JSON, an object or an array, whatever is in it")
      ->group(group);
}

std::optional<AnswerForm> read_form(const FormArguments& arguments) {
  const int given = (arguments.schema ? 1 : 0) + (arguments.choices ? 1 : 0) +
                    (arguments.regex ? 1 : 0) + (arguments.json ? 1 : 0);
  if (given == 0) return std::nullopt;
  if (given > 1) {
    throw UsageError(
        "--schema, --choices, --regex, --json-answer: an answer has one form; give one of them");
  }
  AnswerForm form;
  std::string option = "--json-answer";
  bool from_file = false;
  form.json = arguments.json;
  if (arguments.schema) {
    from_file = !trimmed(*arguments.schema).starts_with('{');
    option = from_file ? "--schema " + *arguments.schema : "--schema";
    form.schema = from_file ? text_of_file(*arguments.schema) : *arguments.schema;
    if (trimmed(form.schema).empty()) throw InputError(option + ": is empty");
  } else if (arguments.choices) {
    option = "--choices";
    form.choices = choices_of(*arguments.choices);
  } else if (arguments.regex) {
    option = "--regex";
    form.regex = *arguments.regex;
    if (form.regex.empty()) throw UsageError(option + ": must not be empty");
  }
  check_form(form, option, from_file);
  return form;
}

std::string warning_of_cut(const std::optional<AnswerForm>& form, const Answer& answer) {
  if (!form || answer.stop_reason != StopReason::kLength) return {};
  return fmt::format(
      "the answer was cut short after {} tokens and may lack its end: give it more room with "
      "--max-new-tokens",
      answer.new_tokens);
}

}  // namespace owl3::cli
