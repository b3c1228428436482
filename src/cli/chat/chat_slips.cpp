#include "cli/chat/chat_slips.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "formats/checkpoint_source.h"
#include "media/image_kinds.h"
#include "owl3/image_files.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

bool exists(const std::string& text) {
  std::error_code error;
  return fs::exists(fs::symlink_status(text, error));
}

/// A folder in which pictures lie.
bool is_folder_of_images(const std::string& text) {
  std::error_code error;
  if (!fs::is_directory(text, error)) return false;
  try {
    return !find_image_files({text}).files.empty();
  } catch (const InputError&) {
    return false;
  }
}

bool names_memory(const std::string& text) {
  return fs::path(text).extension() == ".owlmem";
}

bool names_film(const std::string& text) {
  return kind_by_name(text) == FileKind::kFilm;
}

bool names_image(const std::string& text) {
  return kind_by_name(text) == FileKind::kImage || is_folder_of_images(text);
}

/// Several words, or one with a sentence's end, and no file's or pattern's name.
bool reads_like_a_question(const std::string& text) {
  if (text.empty() || exists(text) || kind_by_name(text) != FileKind::kOther) return false;
  const bool words = text.find_first_of(" \n") != std::string::npos;
  const bool path = text.find('/') != std::string::npos || text.find('*') != std::string::npos;
  return (words && !path) || (words && text.back() == '?');
}

std::string quoted(const std::string& text) {
  const char* quote = text.find('\'') == std::string::npos ? "'" : "\"";
  return quote + text + quote;
}

/// As a shell takes it.
std::string as_word(const std::string& text) {
  return text.find(' ') == std::string::npos ? text : quoted(text);
}

std::string media_advice(const std::string& text) {
  if (names_memory(text)) return "memories go with --memory: --memory " + as_word(text);
  return names_film(text) ? "films go with --video: --video " + as_word(text)
                          : "images go with --image: --image " + as_word(text);
}

std::string question_advice(const std::string& question) {
  return "a question goes with -p: -p " + quoted(question);
}

void check_model(const std::string& model) {
  if (model.empty() || looks_like_checkpoint(model)) return;
  if (names_film(model) || names_image(model) || names_memory(model)) {
    throw UsageError(fmt::format("{} is no model: {}, behind MODEL", model, media_advice(model)));
  }
  if (reads_like_a_question(model)) {
    throw UsageError(fmt::format("{} is no model: {}", quoted(model), question_advice(model)));
  }
}

/// The words at the end of the media that are no files, as of `--image a.jpg What is this?`; two at
/// least, for one may be a file's name with a slip in it.
std::string words_behind(const std::vector<MediumArgument>& media) {
  auto first = media.end();
  while (first != media.begin()) {
    const std::string& text = std::prev(first)->text;
    if (exists(text) || text.find_first_of("./*~") != std::string::npos) break;
    --first;
  }
  if (media.end() - first < 2) return {};
  std::string words;
  for (; first != media.end(); ++first) words += (words.empty() ? "" : " ") + first->text;
  return words;
}

void check_media(const ChatArguments& arguments) {
  for (const MediumArgument& medium : arguments.media) {
    if (!names_memory(medium.text)) continue;
    throw UsageError(fmt::format("{} is no image: {}", medium.text, media_advice(medium.text)));
  }
  if (arguments.prompt) return;  // what is no file may be one with a slip in its name
  for (const MediumArgument& medium : arguments.media) {
    if (!reads_like_a_question(medium.text)) continue;
    throw UsageError(
        fmt::format("{} is no file: {}", quoted(medium.text), question_advice(medium.text)));
  }
  if (const std::string words = words_behind(arguments.media); !words.empty()) {
    throw UsageError(fmt::format("no files of these names: {}; {}", words, question_advice(words)));
  }
}

/// A file's name as a terminal pastes it: quoted, or with backslashes before spaces.
std::string unquoted(std::string text) {
  text.erase(text.find_last_not_of(" \t") + 1);
  const bool quotes = text.size() > 2 && text.front() == text.back() &&
                      (text.front() == '\'' || text.front() == '"');
  if (quotes) return text.substr(1, text.size() - 2);
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    name += text[i];
  }
  return name;
}

/// "/image photo.jpg", where that is a picture or film that is there.
std::string attaching_command(const std::string& text) {
  const std::string name = unquoted(text);
  if (name.empty() || !exists(name)) return {};
  if (names_film(name)) return "/video " + name;
  return kind_by_name(name) == FileKind::kImage ? "/image " + name : "";
}

}  // namespace

std::string attaching_advice(const std::string& line) {
  if (const std::string command = attaching_command(line); !command.empty()) {
    return fmt::format("{} is a file: {} attaches it", unquoted(line), command);
  }
  for (const char* word : {"image ", "video ", "open ", "attach ", "load ", "add "}) {
    if (!line.starts_with(word)) continue;
    const std::string command = attaching_command(line.substr(std::string_view(word).size()));
    if (!command.empty()) return command + " attaches it";
  }
  for (const char* command : {" /image ", " /video "}) {
    if (line.find(command) == line.npos || line.starts_with('/')) continue;
    return fmt::format("{}is a line of its own, before the question", command + 1);
  }
  return {};
}

std::string advice_on_left_over(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return {};
  const std::string& first = arguments.front();
  if (names_film(first) || names_image(first) || names_memory(first) || exists(first))
    return "; " + media_advice(first);
  std::string words;
  for (const std::string& argument : arguments) {
    if (argument.starts_with('-')) break;
    words += (words.empty() ? "" : " ") + argument;
  }
  return "; " + question_advice(words);
}

void check_for_slips(const ChatArguments& arguments) {
  check_model(arguments.model);
  check_media(arguments);
}

}  // namespace owl3::cli
