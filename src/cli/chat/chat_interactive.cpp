#include "cli/chat/chat_interactive.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "builtin/builtin_model.h"
#include "cli/chat/chat_report.h"
#include "cli/chat/line_editor.h"
#include "core/error.h"
#include "program/failure.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

constexpr const char* kHelp =
    "Type a question and press Enter; a line that ends in \\ goes on in the next, and all lines "
    "of\n"
    "a pasted text are one question.\n"
    "  /image F ...   attach image files, folders or globs to the next question\n"
    "  /video F ...   attach films\n"
    "  /clear         forget the conversation and what is attached\n"
    "  /save F        write the conversation to a JSON file\n"
    "  /load F        go on with a saved conversation\n"
    "  /stats         speed and memory\n"
    "  /help          this\n"
    "  /quit          leave (or Ctrl-D)\n"
    "<image> and <video> in a question say where the attached ones stand in it; \\<image> is "
    "text.\n"
    "Ctrl-C ends an answer; twice, the program.\n";

constexpr std::array kCommands = {"/image", "/video", "/clear", "/save",
                                  "/load",  "/stats", "/help",  "/quit"};

class Conversing {
 public:
  Conversing(ChatSession& session, const ChatArguments& arguments, InterruptGuard& interrupt)
      : session_(session),
        arguments_(arguments),
        interrupt_(interrupt),
        // Editing needs both ends to be a terminal; otherwise questions are plain lines.
        terminal_(is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO)) {
    std::vector<std::string> commands(kCommands.begin(), kCommands.end());
    lines_ = terminal_ ? make_line_editor(interrupt, history_path(), std::move(commands))
                       : make_line_reader(interrupt);
  }

  int run() {
    if (terminal_) greet();
    bool leaving = false;  // Ctrl-C on an empty prompt, once
    while (!quit_) {
      interrupt_.reset();
      std::optional<std::string> line = read_line();
      if (line) {
        leaving = false;
        interrupt_.reset();
        handle(*line);
      } else if (!interrupt_.interrupted()) {
        break;
      } else if (!terminal_ || interrupt_.terminated() || (leaving && !discarded_)) {
        return interrupted_exit_code();
      } else if (discarded_) {
        leaving = false;
      } else {
        leaving = true;
        fmt::print("Ctrl-C again, Ctrl-D or /quit leaves.\n");
      }
      if (interrupt_.terminated() || (interrupted_ && !terminal_)) return interrupted_exit_code();
    }
    return failed_ && !terminal_ ? 1 : 0;
  }

 private:
  void greet() const {
    fmt::print("owl3 {}, {} model. {}.\n", OWL3_VERSION, session_.model().variant(),
               session_.model().device());
    if (arguments_.model.empty()) {
      fmt::print("No model was named, so this is {}, which is in the program.\n",
                 builtin_model()->name);
    }
    fmt::print("/help lists the commands.\n");
  }

  /// A line with its continuations; nothing at the end of input or at Ctrl-C.
  std::optional<std::string> read_line() {
    std::string text;
    for (std::string prompt = prompt_text();; prompt = "... ") {
      const Line line = lines_->next(prompt);
      if (line.state == LineState::kEnd && !text.empty()) return text;
      if (line.state != LineState::kLine) {
        discarded_ = !text.empty() || !line.text.empty();
        return std::nullopt;
      }
      text += line.text;
      if (text.empty() || text.back() != '\\') return text;
      text.back() = '\n';
    }
  }

  /// What is attached stands before the prompt: "[2 images, 1 film] > ".
  std::string prompt_text() const {
    int64_t images = 0;
    int64_t films = 0;
    for (const Medium& medium : session_.pending()) ++(medium.is_video() ? films : images);
    std::string text;
    if (images > 0) text += fmt::format("{} image{}", images, images == 1 ? "" : "s");
    if (films > 0) {
      text += fmt::format("{}{} film{}", images > 0 ? ", " : "", films, films == 1 ? "" : "s");
    }
    return text.empty() ? "> " : "[" + text + "] > ";
  }

  /// A question, or a command; one that is pasted with more lines behind it comes before those.
  void handle(const std::string& text) {
    const size_t begin = text.find_first_not_of(" \t\n");
    if (begin == std::string::npos) return;
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const bool more = text.find_first_not_of(" \t\n", end) != std::string::npos;
    if (line[0] != '/' || (more && !is_command(line))) return question(text);
    try {
      command(line);
    } catch (...) {
      const Failure failure = complain_of_failure();
      if (arguments_.json) {
        failed_commands_.push_back(one_line(fmt::format("{}: {}", line, failure.message)));
      }
    }
    if (more && !quit_ && !interrupted_) handle(text.substr(end + 1));
  }

  void question(const std::string& text) {
    try {
      const StopReason end =
          ask_and_show(session_, arguments_, text, std::exchange(failed_commands_, {}));
      if (end == StopReason::kInterrupted) interrupted_ = true;
    } catch (...) {
      const Failure failure = complain_of_failure();
      if (!arguments_.json) return;
      fmt::print("{}\n", failure_json(failure));
      flush_output();
    }
  }

  static bool is_command(const std::string& line) {
    const std::string name = line.substr(0, line.find_first_of(" \t"));
    return std::find(kCommands.begin(), kCommands.end(), name) != kCommands.end();
  }

  /// Of the exception that is being handled, after which the conversation goes on. Throws it again
  /// where nobody can read that.
  Failure complain_of_failure() {
    Failure failure = current_failure();
    const std::string_view kind = failure.kind;
    if (kind == "output") throw;
    if (kind == "interrupted") interrupted_ = true;
    if (kind == "interrupted" || kind == "memory") {
      failure.message =
          fmt::format("{}; the conversation is as it was before",
                      kind == "memory" ? "not enough memory for this" : "interrupted");
    }
    complain(failure.message);
    return failure;
  }

  void complain(std::string_view message) {
    std::fflush(stdout);
    tell(fmt::format("owl3: {}\n", one_line(message)));
    failed_ = true;
  }

  void command(const std::string& line) {
    const size_t space = line.find_first_of(" \t");
    const std::string name = line.substr(0, space);
    const size_t start = line.find_first_not_of(" \t", space);
    std::string rest = space == line.npos || start == line.npos ? "" : line.substr(start);
    rest.erase(rest.find_last_not_of(" \t") + 1);
    if (name == "/image" || name == "/video") return attach(name == "/video", rest);
    if (name == "/save" || name == "/load") return save_or_load(name, rest);
    if (name == "/clear") return clear();
    if (name == "/stats") return show_stats();
    if (name == "/help" || name == "/?") return fmt::print("{}", kHelp);
    if (name == "/quit" || name == "/exit" || name == "/bye") {
      quit_ = true;
      return;
    }
    throw UsageError(fmt::format("{}: unknown command; /help lists them", name));
  }

  /// A single name with spaces needs no quotes when such a file exists.
  static std::vector<std::string> file_arguments(const std::string& rest) {
    std::error_code error;
    if (std::filesystem::exists(rest, error)) return {rest};
    return split_words(rest);
  }

  void attach(bool is_video, const std::string& rest) {
    if (rest.empty()) {
      throw UsageError(is_video ? "/video: name a file: /video film.mp4"
                                : "/image: name a file, folder or glob: /image photo.jpg");
    }
    std::vector<MediumArgument> media;
    for (std::string& word : file_arguments(rest)) media.push_back({is_video, std::move(word)});
    for (const Medium& medium : session_.attach(media)) {
      if (!arguments_.json) fmt::print("  {}\n", one_line(medium_text(medium)));
    }
  }

  void save_or_load(const std::string& name, const std::string& rest) {
    const std::vector<std::string> words =
        rest.empty() ? std::vector<std::string>{} : file_arguments(rest);
    if (words.size() != 1) {
      throw UsageError(fmt::format("{0}: name one file: {0} talk.json", name));
    }
    if (name == "/save") {
      const WriteGuard unfinished_parts_go;
      session_.save(words[0]);
    } else {
      session_.load(words[0]);
    }
    if (arguments_.json) return;
    const size_t turns = session_.turns();
    fmt::print("  {} {} question{} {}\n", name == "/save" ? "saved" : "loaded", turns,
               turns == 1 ? "" : "s", name == "/save" ? "with answers" : "and answers");
  }

  void clear() {
    session_.clear();
    if (!arguments_.json) fmt::print("  a new conversation; encoded images stay in memory\n");
  }

  void show_stats() const {
    std::fflush(stdout);
    if (arguments_.json) return tell(stats_text(session_));
    fmt::print("{}", stats_text(session_));
  }

  ChatSession& session_;
  const ChatArguments& arguments_;
  InterruptGuard& interrupt_;
  bool terminal_;
  bool quit_ = false;
  bool discarded_ = false;  // Ctrl-C took away a line that was being typed
  bool failed_ = false;
  bool interrupted_ = false;
  std::vector<std::string> failed_commands_;  // since the last question, for --json
  std::unique_ptr<LineSource> lines_;
};

}  // namespace

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

StopReason ask_and_show(ChatSession& session, const ChatArguments& arguments,
                        const std::string& question,
                        const std::vector<std::string>& failed_commands) {
  const bool safe = is_terminal(STDOUT_FILENO);
  bool line_open = false;
  const auto show = [&](std::string_view piece) {
    const std::string shown = safe ? without_controls(piece) : std::string(piece);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    flush_output();
    if (!shown.empty()) line_open = shown.back() != '\n';
    return true;
  };
  const AnswerReport report = session.ask(question, arguments.json ? TextCallback{} : show);
  if (arguments.json) {
    fmt::print("{}\n", answer_json(session, report, failed_commands));
  } else if (line_open || report.answer.text.empty()) {
    fmt::print("\n");
  }
  flush_output();
  return report.answer.stop_reason;
}

int converse(ChatSession& session, const ChatArguments& arguments, InterruptGuard& interrupt) {
  return Conversing(session, arguments, interrupt).run();
}

}  // namespace owl3::cli
