// Completions: every script finds the command that the words before the cursor name, as "inspect
// image", and offers its options, parts, the values of an option, or files.
#include <fmt/format.h>

#include <algorithm>

#include "cli/documents/documents.h"
#include "hub/model_name.h"

namespace owl3::cli {

namespace {

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::vector<std::string> names_of(const std::vector<CommandDescription>& commands) {
  std::vector<std::string> names;
  for (const CommandDescription& command : commands) names.push_back(command.name);
  return names;
}

/// The text in single quotes, as all three shells read them.
std::string quoted(const std::string& text, std::string_view quote_within) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string(quote_within) : std::string(1, c);
  return out + "'";
}

std::string zsh_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// "parent/word": how scripts step from a command to its part.
std::string step(const std::string& path) {
  const size_t space = path.rfind(' ');
  return space == path.npos ? "/" + path : path.substr(0, space) + "/" + path.substr(space + 1);
}

/// What a MODEL may be: for pull the short names, for remove what was fetched, and else that, the
/// model in the program, or a path.
enum class ModelNames { kNone, kReleased, kFetched, kAny };

ModelNames model_names_of(const std::string& path, const OptionDescription& option) {
  if (!option.is_argument || option.names.front().find("MODEL") == std::string::npos) {
    return ModelNames::kNone;
  }
  if (path == "pull") return ModelNames::kReleased;
  return path == "remove" ? ModelNames::kFetched : ModelNames::kAny;
}

/// Of an argument, but for those that are offered as parts already.
std::vector<std::string> choices_beside_parts(const OptionDescription& option,
                                              const CommandDescription& command) {
  std::vector<std::string> choices;
  const std::vector<std::string> parts = names_of(command.commands);
  for (const std::string& choice : option.choices) {
    if (std::find(parts.begin(), parts.end(), choice) == parts.end()) choices.push_back(choice);
  }
  return choices;
}

/// ":value:(a b)", or files, or nothing to offer.
std::string zsh_value(const OptionDescription& option, ModelNames models = ModelNames::kNone) {
  if (models == ModelNames::kReleased) {
    return ":MODEL:(" + joined(released_model_names(), " ") + ")";
  }
  if (models == ModelNames::kFetched) return ":MODEL:_owl3_fetched";
  if (models == ModelNames::kAny) return ":MODEL:_owl3_models";
  if (option.value.empty() && !option.is_argument) return {};
  const std::string name = zsh_text(option.is_argument ? option.names.front() : option.value);
  if (!option.choices.empty()) return ":" + name + ":(" + joined(option.choices, " ") + ")";
  return ":" + name + ":" + (is_path(option) ? "_files" : "");
}

}  // namespace

bool is_path(const OptionDescription& option) {
  const std::string& name = option.is_argument ? option.names.front() : option.value;
  for (const std::string_view word : {"FILE", "FOLDER", "MODEL", "OUT", "DATA", "RECIPE", "PATH",
                                      "RUN", "IMAGE", "DIR", "CHECKPOINT", "GOLDEN", "SOURCE"}) {
    if (name.find(word) != name.npos) return true;
  }
  return option.is_argument;
}

std::vector<PlacedCommand> placed_commands(const CommandDescription& program) {
  std::vector<PlacedCommand> placed = {{"", &program}};
  for (const CommandDescription& command : program.commands) {
    placed.push_back({command.name, &command});
    for (const CommandDescription& part : command.commands) {
      placed.push_back({command.name + " " + part.name, &part});
    }
  }
  return placed;
}

std::string bash_completions(const CommandDescription& program) {
  std::string steps;
  std::string cases;
  for (const auto& [path, command] : placed_commands(program)) {
    if (!path.empty()) steps += fmt::format("      '{}') command='{}' ;;\n", step(path), path);
    std::string values;
    std::string models;
    std::vector<std::string> options;
    std::vector<std::string> words = names_of(command->commands);
    for (const OptionDescription& option : command->options) {
      if (option.is_argument) {
        const ModelNames names = model_names_of(path, option);
        if (names == ModelNames::kReleased) words = released_model_names();
        if (names == ModelNames::kFetched) models = "      models=fetched\n";
        if (names == ModelNames::kAny) models = "      models=any\n";
        const std::vector<std::string> choices = choices_beside_parts(option, *command);
        words.insert(words.end(), choices.begin(), choices.end());
        continue;
      }
      options.insert(options.end(), option.names.begin(), option.names.end());
      if (option.value.empty()) continue;
      const std::string what = !option.choices.empty()
                                   ? fmt::format("words='{}'", joined(option.choices, " "))
                               : is_path(option) ? std::string("files=yes")
                                                 : std::string("nothing=yes");
      values += fmt::format("        {}) {} ;;\n", joined(option.names, "|"), what);
    }
    cases += fmt::format(
        "    '{}')\n      options='{}'\n      arguments='{}'\n{}      case \"$previous\" in\n{}    "
        "  "
        "  *) any=yes ;;\n      esac\n      ;;\n",
        path, joined(options, " "), joined(words, " "), models, values);
  }
  return fmt::format(R"sh(# bash completion for owl3, made by `owl3 completions bash`
_owl3() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command='' options='' arguments='' words='' files='' nothing='' any='' models='' i
  # Of a name such as owl3-2b:q8_0 bash makes several words, and puts what is offered in place of
  # what stands behind the last colon or at-sign alone.
  local line="${{COMP_LINE:0:COMP_POINT}}" given=''
  local begun="${{line##*[[:space:]]}}" piece="$current"
  [[ $piece == [:@] ]] && piece=''
  if [[ $begun == *[:@]"$piece" && $begun != "$current" ]]; then
    given="${{begun%"$piece"}}"
    local pieces="$current"
    for ((i = COMP_CWORD; i > 1 && ${{#pieces}} < ${{#begun}}; )); do
      ((--i))
      pieces="${{COMP_WORDS[i]}}$pieces"
    done
    previous="${{COMP_WORDS[i-1]}}"
    current="$begun"
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command/${{COMP_WORDS[i]}}" in
{}    esac
  done
  case "$command" in
{}  esac
  COMPREPLY=()
  [ -n "$nothing" ] && return
  if [ -n "$any" ]; then
    case "$current" in
      -*) words="$options" ;;
      *)
        words="$arguments"
        [ -n "$models" ] && words="$words $(owl3 list --names 2>/dev/null)"
        [ "$models" = any ] && words="$words owlet"
        [ -z "$arguments" ] && [ "$models" != fetched ] && files=yes
        ;;
    esac
  fi
  mapfile -t COMPREPLY < <(
    compgen -W "$words" -- "$current"
    [ -n "$files" ] && compgen -f -- "$current"
  )
  # As names of files, those with a colon would be quoted.
  [ -n "$files" ] && [[ "${{COMPREPLY[*]}}" != *[:@]* ]] && compopt -o filenames 2>/dev/null
  [ -n "$given" ] && COMPREPLY=("${{COMPREPLY[@]#"$given"}}")
  return 0
}}
complete -F _owl3 owl3
)sh",
                     steps, cases);
}

std::string zsh_completions(const CommandDescription& program) {
  std::string steps;
  std::string cases;
  for (const auto& [path, command] : placed_commands(program)) {
    if (!path.empty())
      steps += fmt::format("      '{}') command='{}'; at=$i ;;\n", step(path), path);
    std::string specs;
    bool takes_arguments = false;
    for (const OptionDescription& option : command->options) {
      if (option.is_argument) {
        takes_arguments = true;  // zsh knows one kind of words: parts stand back
        specs += " " + quoted("*" + zsh_value(option, model_names_of(path, option)), "'\\''");
        continue;
      }
      for (const std::string& name : option.names) {
        specs +=
            " \\\n        " +
            quoted("*" + name + "[" + zsh_text(option.text) + "]" + zsh_value(option), "'\\''");
      }
    }
    if (!command->commands.empty() && !takes_arguments) {
      specs +=
          " " + quoted("*:command:(" + joined(names_of(command->commands), " ") + ")", "'\\''");
    }
    cases += fmt::format("    '{}') _arguments -S{} ;;\n", path, specs);
  }
  return fmt::format(R"sh(#compdef owl3
# zsh completion for owl3, made by `owl3 completions zsh`
_owl3_fetched() {{
  local -a names=(${{(f)"$(owl3 list --names 2>/dev/null)"}})
  compadd -a names
}}
_owl3_models() {{
  _owl3_fetched
  compadd owlet
  _files
}}
_owl3() {{
  local command='' at=1 i
  for ((i = 2; i < CURRENT; i++)); do
    case "$command/${{words[i]}}" in
{}    esac
  done
  shift $((at - 1)) words
  ((CURRENT -= at - 1))
  case "$command" in
{}  esac
}}
if [ "$funcstack[1]" = "_owl3" ]; then _owl3 "$@"; else compdef _owl3 owl3; fi
)sh",
                     steps, cases);
}

std::string fish_completions(const CommandDescription& program) {
  std::string steps;
  std::string lines;
  for (const auto& [path, command] : placed_commands(program)) {
    if (!path.empty()) {
      steps += fmt::format("      case '{}'\n        set command '{}'\n", step(path), path);
    }
    const std::string begin = fmt::format("complete -c owl3 -n '__owl3_at \"{}\"'", path);
    for (const CommandDescription& part : command->commands) {
      lines += fmt::format("{} -f -a {} -d {}\n", begin, part.name, quoted(part.text, "\\'"));
    }
    for (const OptionDescription& option : command->options) {
      if (option.is_argument) {
        const ModelNames names = model_names_of(path, option);
        if (names == ModelNames::kReleased) {
          lines += fmt::format("{} -f -a '{}'\n", begin, joined(released_model_names(), " "));
        } else if (names != ModelNames::kNone) {
          lines += fmt::format("{}{} -a '(command -q owl3; and owl3 list --names 2>/dev/null){}'\n",
                               begin, names == ModelNames::kFetched ? " -f" : "",
                               names == ModelNames::kAny ? " owlet" : "");
        } else if (const auto choices = choices_beside_parts(option, *command); !choices.empty()) {
          lines += fmt::format("{} -f -a '{}'\n", begin, joined(choices, " "));
        }
        continue;
      }
      std::string line = begin;
      for (const std::string& name : option.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.value.empty()) line += is_path(option) ? " -r -F" : " -x";
      if (!option.choices.empty()) line += fmt::format(" -a '{}'", joined(option.choices, " "));
      lines += fmt::format("{} -d {}\n", line, quoted(option.text, "\\'"));
    }
  }
  return fmt::format(R"sh(# fish completion for owl3, made by `owl3 completions fish`
function __owl3_at
  set -l words (commandline -opc)
  set -l command ''
  for word in $words[2..-1]
    switch "$command/$word"
{}    end
  end
  test "$command" = "$argv[1]"
end
{})sh",
                     steps, lines);
}

}  // namespace owl3::cli
