#include "cli/chat/chat_interactive.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "cli/chat/chat_commands.h"
#include "cli/chat/chat_evidence.h"
#include "cli/chat/chat_report.h"
#include "cli/chat/chat_slips.h"
#include "cli/chat/evidence_file.h"
#include "cli/chat/likelihood_report.h"
#include "cli/chat/line_editor.h"
#include "core/error.h"
#include "program/failure.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Clock = std::chrono::steady_clock;

/// Ctrl-C twice leaves, not once now and once an hour later.
constexpr auto kRecent = std::chrono::seconds(10);

class Conversing {
 public:
  Conversing(ChatSession& session, const ChatArguments& arguments, InterruptGuard& interrupt,
             QuietTerminal* quiet)
      : session_(session),
        arguments_(arguments),
        interrupt_(interrupt),
        quiet_(quiet),
        terminal_(quiet != nullptr),
        // What is said beside answers and objects must not come between them where a program reads.
        aside_(terminal_ && !arguments.json ? stdout : stderr) {
    lines_ = terminal_
                 ? make_line_editor(interrupt, *quiet_, aside_, history_path(), command_names())
                 : make_line_reader(interrupt);
  }

  int run() {
    if (terminal_) greet();
    Clock::time_point leaving_until{};  // when a second Ctrl-C comes before that, it leaves
    while (!quit_) {
      interrupt_.reset();
      std::optional<std::string> line = read_line();
      if (line) {
        interrupt_.reset();
        handle(*line);
        leaving_until = {};
        if (interrupt_.interrupted()) leaving_until = Clock::now() + kRecent;  // it ended an answer
      } else if (!interrupt_.interrupted()) {
        break;
      } else if (!terminal_ || interrupt_.terminated() ||
                 (Clock::now() < leaving_until && !discarded_)) {
        return interrupted_exit_code();
      } else if (discarded_) {
        leaving_until = {};
      } else {
        leaving_until = Clock::now() + kRecent;
        say("Ctrl-C again, Ctrl-D or /quit leaves.\n");
      }
      if (interrupt_.terminated() || (interrupted_ && !terminal_)) return interrupted_exit_code();
    }
    return failed_ && !terminal_ ? 1 : 0;
  }

 private:
  void say(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), aside_);
    std::fflush(aside_);
  }

  void greet() const {
    say(fmt::format("owl3 {}, {} model. {}.\n", OWL3_VERSION, session_.model().variant(),
                    session_.model().device()));
    say("/help lists the commands.\n");
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
    if (begin == std::string::npos) return handle_empty();
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const bool more = text.find_first_not_of(" \t\n", end) != std::string::npos;
    const std::string advice = arguments_.json || more ? std::string() : attaching_advice(line);
    if (!advice.empty()) return complain(advice);
    // Programs mean what they write; people have other programs' habits.
    const std::string meant = arguments_.json || more ? std::string() : meant_command(line);
    if (!meant.empty()) {
      say(fmt::format("\"{0}\" is taken for {1}; to ask it, write more than the word.\n", line,
                      meant));
      return command(meant);
    }
    if (line[0] != '/' || (more && !is_command(line))) return question(text);
    command(line);
    if (more && !quit_ && !interrupted_) handle(text.substr(end + 1));
  }

  /// Every line of a script has its object.
  void handle_empty() {
    if (arguments_.json && !terminal_) print_object(R"({"skipped": "an empty line"})");
  }

  static void print_object(const std::string& object) {
    fmt::print("{}\n", object);
    flush_output();
  }

  void question(const std::string& text) {
    try {
      const StopReason end =
          ask_and_show(session_, arguments_, text, std::exchange(failed_commands_, {}));
      if (end == StopReason::kInterrupted) interrupted_ = true;
    } catch (...) {
      const Failure failure = complain_of_failure();
      if (arguments_.json) print_object(failure_json(failure));
    }
  }

  void command(const std::string& line) {
    try {
      const CommandResult result = do_command(session_, line);
      quit_ = result.quit;
      if (arguments_.json) {
        print_object(
            result.json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
      } else {
        if (result.is_note) return say(result.text);
        fmt::print("{}", result.text);
        flush_output();
      }
    } catch (...) {
      const Failure failure = complain_of_failure();
      if (!arguments_.json) return;
      failed_commands_.push_back(one_line(fmt::format("{}: {}", line, failure.message)));
      print_object(failure_json(failure, command_name(line)));
    }
  }

  static bool is_command(const std::string& line) {
    const std::vector<std::string>& names = command_names();
    return std::find(names.begin(), names.end(), command_name(line)) != names.end();
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

  ChatSession& session_;
  const ChatArguments& arguments_;
  InterruptGuard& interrupt_;
  QuietTerminal* quiet_;  // where lines are edited
  bool terminal_;
  std::FILE* aside_;
  bool quit_ = false;
  bool discarded_ = false;  // Ctrl-C took away a line that was being typed
  bool failed_ = false;
  bool interrupted_ = false;
  std::vector<std::string> failed_commands_;  // since the last question, for --json
  std::unique_ptr<LineSource> lines_;
};

}  // namespace

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
  if (!arguments.json) fmt::print("{}", likelihood_text(report.answer));
  if (report.answer.evidence) {
    if (!arguments.json) fmt::print("{}", evidence_text(*report.answer.evidence));
    if (!arguments.evidence_file.empty()) {
      write_evidence(arguments.evidence_file, session, *report.answer.evidence);
    }
  }
  flush_output();
  tell_warning(warning_of_cut(session.generation().form, report.answer));
  return report.answer.stop_reason;
}

int converse(ChatSession& session, const ChatArguments& arguments, InterruptGuard& interrupt,
             QuietTerminal* quiet) {
  return Conversing(session, arguments, interrupt, quiet).run();
}

}  // namespace owl3::cli
