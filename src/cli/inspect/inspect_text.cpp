#include "cli/inspect/inspect_text.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inspect/inspect.h"
#include "core/error.h"
#include "core/regular_file.h"

namespace owl3::cli {
namespace {

using Json = nlohmann::ordered_json;

const Json& member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) throw InputError(fmt::format("\"{}\" is missing", key));
  return *found;
}

std::string string_member(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (!value.is_string()) throw InputError(fmt::format("\"{}\" is not a string", key));
  return value.get<std::string>();
}

int64_t whole_number(const Json& value, const char* what, int64_t limit) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > static_cast<uint64_t>(limit)) {
    throw InputError(fmt::format("\"{}\" is not a whole number of at most {}", what, limit));
  }
  return value.get<int64_t>();
}

Variant parse_variant(const std::string& name) {
  if (name == "gated") return Variant::kGated;
  if (name == "unified") return Variant::kUnified;
  throw InputError(fmt::format("the variant is \"{}\"; it is gated or unified", name));
}

Role parse_role(const std::string& name) {
  if (name == "system") return Role::kSystem;
  if (name == "user") return Role::kUser;
  if (name == "assistant") return Role::kAssistant;
  throw InputError(fmt::format("the role is \"{}\"; it is system, user or assistant", name));
}

MediaLayout parse_medium(const Json& medium) {
  if (!medium.is_object()) throw InputError("an entry of \"media\" is not an object");
  const std::string type = string_member(medium, "type");
  if (type == "video") {
    return VideoLayout{whole_number(member(medium, "frames"), "frames", INT32_MAX)};
  }
  if (type != "image") {
    throw InputError(fmt::format("a medium's type is \"{}\"; it is image or video", type));
  }
  const auto grid = medium.find("grid");
  if (grid == medium.end() || grid->is_null()) return ImageLayout{};
  if (!grid->is_array() || grid->size() != 2) {
    throw InputError("\"grid\" is neither [rows, cols] nor null");
  }
  return ImageLayout{static_cast<int>(whole_number((*grid)[0], "grid", INT32_MAX)),
                     static_cast<int>(whole_number((*grid)[1], "grid", INT32_MAX))};
}

std::vector<Message> parse_messages(const Json& list) {
  if (!list.is_array()) throw InputError("\"messages\" is not a list");
  std::vector<Message> messages;
  for (const Json& entry : list) {
    if (!entry.is_object()) throw InputError("an entry of \"messages\" is not an object");
    messages.push_back({parse_role(string_member(entry, "role")), string_member(entry, "content")});
  }
  return messages;
}

std::vector<MediaLayout> parse_media(const Json& conversation) {
  std::vector<MediaLayout> media;
  const auto list = conversation.find("media");
  if (list == conversation.end() || list->is_null()) return media;
  if (!list->is_array()) throw InputError("\"media\" is not a list");
  for (const Json& entry : *list) media.push_back(parse_medium(entry));
  return media;
}

/// Calls `answer` for the object on every line, and writes what it returns as a line.
void for_each_case(std::istream& cases, const std::string& name, std::ostream& out,
                   const std::function<Json(const Json&)>& answer) {
  std::string line;
  for (int64_t number = 1; std::getline(cases, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      const Json value = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!value.is_object()) throw InputError("not a JSON object");
      out << answer(value).dump() << '\n';
    } catch (const Error& error) {
      throw InputError(fmt::format("{}:{}: {}", name, number, error.what()));
    }
  }
  if (cases.bad()) throw InputError(fmt::format("{}: cannot be read", name));
  if (!out.flush()) throw InputError("the output cannot be written; is the disk full?");
}

/// What both commands are told.
struct Options {
  std::string tokenizer;
  std::string added_tokens;
  std::string variant;
  std::string cases;
};

std::shared_ptr<Options> add_options(CLI::App& command) {
  auto options = std::make_shared<Options>();
  command.add_option("--tokenizer", options->tokenizer, "The tokenizer.json to use")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--added-tokens", options->added_tokens,
                  "A JSON list of added tokens, in place of those in the tokenizer.json")
      ->type_name("FILE");
  command.add_option("cases", options->cases, "JSON lines; - reads standard input")
      ->required()
      ->type_name("CASES.jsonl");
  return options;
}

/// Opens the cases (or standard input) and hands them on with their name.
void with_cases(const Options& options,
                const std::function<void(std::istream&, const std::string&)>& work) {
  if (options.cases == "-") {
    work(std::cin, "standard input");
    return;
  }
  std::ifstream file(options.cases, std::ios::binary);
  if (!file) throw_unreadable(options.cases, errno);
  work(file, options.cases);
}

}  // namespace

void tokenize_cases(const Tokenizer& tokenizer, std::istream& cases, const std::string& name,
                    std::ostream& out) {
  for_each_case(cases, name, out, [&](const Json& value) {
    const std::vector<int32_t> ids = tokenizer.encode(string_member(value, "text"));
    return Json{{"ids", ids}, {"decoded", tokenizer.decode(ids)}};
  });
}

void prompt_cases(const Tokenizer& tokenizer, std::optional<Variant> variant, std::istream& cases,
                  const std::string& name, std::ostream& out) {
  for_each_case(cases, name, out, [&](const Json& value) {
    const Variant own = variant ? *variant : parse_variant(string_member(value, "variant"));
    const Prompt prompt =
        build_prompt(tokenizer, own, parse_messages(member(value, "messages")), parse_media(value),
                     ControlTokens::kRecognised);  // as the official code, to compare with it
    return Json{{"ids", prompt.ids},
                {"media_positions", prompt.media_positions},
                {"pieces", prompt.pieces}};
  });
}

void add_inspect_tokenize(CLI::App& inspect) {
  CLI::App* command = inspect.add_subcommand(
      "tokenize", "Token ids, and the text they decode to, of every text in a JSON-lines file");
  command->footer(
      "Reads lines {\"text\": \"...\"} and writes lines {\"ids\": [...], \"decoded\": \"...\"}.\n"
      "Example: owl3 inspect tokenize --tokenizer MODEL/tokenizer.json texts.jsonl");
  const auto options = add_options(*command);
  command->callback([options] {
    const Tokenizer tokenizer = Tokenizer::from_file(options->tokenizer, options->added_tokens);
    with_cases(*options, [&](std::istream& cases, const std::string& name) {
      tokenize_cases(tokenizer, cases, name, std::cout);
    });
  });
}

void add_inspect_prompt(CLI::App& inspect) {
  CLI::App* command = inspect.add_subcommand(
      "prompt", "Token ids and image positions of every conversation in a JSON-lines file");
  command->footer(
      "Reads lines {\"messages\": [{\"role\": \"user\", \"content\": \"<|image|>What is this?\"}, "
      "...],\n\"media\": [{\"type\": \"image\", \"grid\": [2, 2]}, {\"type\": \"video\", "
      "\"frames\": 8}, ...]}\nand writes lines {\"ids\": [...], \"media_positions\": [...], "
      "\"pieces\": [...]}. A last, empty\nassistant message stands for the answer to be "
      "generated.\n"
      "Example: owl3 inspect prompt --tokenizer MODEL/tokenizer.json --variant gated chats.jsonl");
  const auto options = add_options(*command);
  command->add_option("--variant", options->variant, "gated or unified; default: each line's own")
      ->check(CLI::IsMember({"gated", "unified"}))
      ->type_name("VARIANT");
  command->callback([options] {
    const Tokenizer tokenizer = Tokenizer::from_file(options->tokenizer, options->added_tokens);
    std::optional<Variant> variant;
    if (!options->variant.empty()) variant = parse_variant(options->variant);
    with_cases(*options, [&](std::istream& cases, const std::string& name) {
      prompt_cases(tokenizer, variant, cases, name, std::cout);
    });
  });
}

}  // namespace owl3::cli
