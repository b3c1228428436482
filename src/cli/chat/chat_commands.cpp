#include "cli/chat/chat_commands.h"

#include <algorithm>
#include <filesystem>

#include "cli/chat/chat_evidence.h"
#include "cli/chat/chat_report.h"
#include "cli/chat/evidence_file.h"
#include "core/error.h"
#include "core/own_files.h"
#include "core/similar.h"
#include "program/number_option.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

constexpr const char* kHelp =
    "Type a question and press Enter; a line that ends in \\ goes on in the next, and all lines "
    "of\n"
    "a pasted text are one question.\n"
    "  /image F ...   attach image files, folders or globs to the next question\n"
    "  /video F ...   attach films\n"
    "  /detach [N]    take off what was attached last, or the Nth that is attached, or all\n"
    "  /clear         forget the conversation and what is attached\n"
    "  /save F        write the conversation to a JSON file\n"
    "  /load F        go on with a saved conversation\n"
    "  /why [F]       the images that the last answer was read from; F.html or F.svg: as a "
    "picture\n"
    "  /stats         speed and memory\n"
    "  /help          this\n"
    "  /quit          leave (or Ctrl-D)\n"
    "<image> and <video> in a question say where the attached ones stand in it; \\<image> is "
    "text.\n"
    "Keys typed during an answer wait for it. Ctrl-C ends an answer; twice, the program.\n";

/// A single name with spaces needs no quotes when such a file exists.
std::vector<std::string> file_arguments(const std::string& rest) {
  std::error_code error;
  if (std::filesystem::exists(rest, error)) return {rest};
  return split_words(rest);
}

CommandResult attach(ChatSession& session, const std::string& name, const std::string& rest) {
  const bool is_video = name == "/video";
  if (rest.empty()) {
    throw UsageError(is_video ? "/video: name a file: /video film.mp4"
                              : "/image: name a file, folder or glob: /image photo.jpg");
  }
  std::vector<MediumArgument> arguments;
  for (std::string& word : file_arguments(rest)) arguments.push_back({is_video, std::move(word)});
  const std::vector<Medium> media = session.attach(arguments);
  CommandResult result;
  for (const Medium& medium : media) {
    result.text += fmt::format("  {}\n", one_line(medium_text(medium)));
  }
  result.json["media"] = media_json(media);
  return result;
}

/// "1 a.jpg, 2 b.jpg": by what numbers the attached ones are taken off.
std::string numbered(const std::vector<Medium>& media) {
  constexpr size_t kMost = 8;
  std::string text;
  for (size_t i = 0; i < std::min(media.size(), kMost); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", i + 1, media[i].path().string());
  }
  return text + (media.size() > kMost ? ", ..." : "");
}

std::vector<Medium> take_off(ChatSession& session, const std::string& which) {
  std::vector<Medium> attached = session.pending();
  if (attached.empty()) throw UsageError("/detach: nothing is attached");
  if (which.empty()) return session.detach_last();
  if (which == "all") {
    while (!session.detach_last().empty()) {
    }
    return attached;
  }
  const std::optional<int64_t> number = decimal<int64_t>(which);
  if (!number || *number < 1 || *number > static_cast<int64_t>(attached.size())) {
    throw UsageError(
        fmt::format("/detach: \"{}\" is none of those attached: {}", which, numbered(attached)));
  }
  const auto index = static_cast<size_t>(*number - 1);
  session.detach(index);
  return {attached[index]};
}

CommandResult detach(ChatSession& session, const std::string& rest) {
  const std::vector<Medium> taken = take_off(session, rest);
  CommandResult result;
  for (const Medium& medium : taken) {
    result.text += fmt::format("  taken off: {}\n", one_line(medium.path().string()));
  }
  const std::vector<Medium> left = session.pending();
  if (!left.empty()) result.text += fmt::format("  attached: {}\n", one_line(numbered(left)));
  result.json["detached"] = media_json(taken);
  result.json["media"] = media_json(left);
  return result;
}

CommandResult save_or_load(ChatSession& session, const std::string& name, const std::string& rest) {
  const std::vector<std::string> words =
      rest.empty() ? std::vector<std::string>{} : file_arguments(rest);
  if (words.size() != 1) {
    throw UsageError(fmt::format("{0}: name one file: {0} talk.json", name));
  }
  const bool saves = name == "/save";
  if (saves) {
    check_replaceable(words[0], OwnFile::kConversation);
    const WriteGuard unfinished_parts_go;
    session.save(words[0]);
  } else {
    session.load(words[0]);
  }
  const size_t turns = session.turns();
  CommandResult result;
  result.text = fmt::format("  {} {} question{} {}\n", saves ? "saved" : "loaded", turns,
                            turns == 1 ? "" : "s", saves ? "with answers" : "and answers");
  result.json["path"] = words[0];
  result.json["questions"] = turns;
  return result;
}

CommandResult why(ChatSession& session, const std::string& rest) {
  const std::vector<std::string> words =
      rest.empty() ? std::vector<std::string>{} : file_arguments(rest);
  if (words.size() > 1) throw UsageError("/why: name one file, or none: /why evidence.html");
  if (!words.empty()) check_evidence_file("/why", words[0]);
  const Evidence& evidence = session.why();
  CommandResult result;
  result.text = evidence_text(evidence);
  result.is_note = false;
  result.json["evidence"] = evidence_json(evidence);
  if (words.empty()) return result;
  write_evidence(words[0], session, evidence);
  result.text += fmt::format("  written to {}\n", words[0]);
  result.json["path"] = words[0];
  return result;
}

CommandResult result_of(ChatSession& session, const std::string& name, const std::string& rest) {
  CommandResult result;
  if (name == "/image" || name == "/video") return attach(session, name, rest);
  if (name == "/detach") return detach(session, rest);
  if (name == "/why") return why(session, rest);
  if (name == "/save" || name == "/load") return save_or_load(session, name, rest);
  if (name == "/clear") {
    session.clear();
    result.text = "  a new conversation; encoded images stay in memory\n";
  } else if (name == "/stats") {
    result.text = stats_text(session);
    result.is_note = false;
    result.json["text"] = result.text;
  } else if (name == "/help" || name == "/?") {
    result.text = kHelp;
    result.is_note = false;
    result.json["text"] = result.text;
  } else if (name == "/quit" || name == "/exit" || name == "/bye") {
    result.quit = true;
  } else {
    throw UsageError(fmt::format("{}: unknown command{}; /help lists them", name,
                                 did_you_mean(name, command_names())));
  }
  return result;
}

}  // namespace

const std::vector<std::string>& command_names() {
  static const std::vector<std::string> names = {"/image", "/video", "/detach", "/clear", "/save",
                                                 "/load",  "/why",   "/stats",  "/help",  "/quit"};
  return names;
}

std::string command_name(const std::string& line) {
  return line.substr(0, line.find_first_of(" \t"));
}

std::string meant_command(const std::string& line) {
  const size_t end = line.find_last_not_of(" \t\r\n");
  const std::string word = line.substr(0, end == line.npos ? 0 : end + 1);
  if (word == "exit" || word == "quit") return "/quit";
  return word == "help" ? "/help" : "";
}

CommandResult do_command(ChatSession& session, const std::string& line) {
  const std::string name = command_name(line);
  const size_t start = line.find_first_not_of(" \t", name.size());
  std::string rest = start == line.npos ? "" : line.substr(start);
  rest.erase(rest.find_last_not_of(" \t") + 1);
  CommandResult result = result_of(session, name, rest);
  nlohmann::ordered_json json = {{"command", name}};
  json.update(result.json.is_null() ? nlohmann::ordered_json::object() : result.json);
  result.json = std::move(json);
  return result;
}

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\'' && c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) throw UsageError(fmt::format("a quote {} is not closed", quote));
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace owl3::cli
