// Line editing through libedit, with a history file of plain lines.
#include "cli/chat/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <cwctype>
#include <fstream>
#include <string_view>

#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

constexpr int kHistoryLines = 2000;

struct EndEditLine {
  void operator()(EditLine* editor) const { el_end(editor); }
};
struct EndHistory {
  void operator()(History* history) const { history_end(history); }
};

constexpr const char* kPasteBegins = "\x1B[200~";
constexpr std::wstring_view kPasteEnds = L"\x1B[201~";
constexpr size_t kLongestPaste = size_t{16} << 20;

// What a signal handler can reach: whether the window has another size, and whether the process is
// to stop, or goes on.
volatile std::sig_atomic_t g_resized = 0;
volatile std::sig_atomic_t g_stopping = 0;
volatile std::sig_atomic_t g_continued = 0;

void note_editing_signal(int signal) {
  if (signal == SIGWINCH) g_resized = 1;
  if (signal == SIGTSTP) g_stopping = 1;
  if (signal == SIGCONT) g_continued = 1;
}

/// While it lives, signals that change what a line is edited on end a waiting read. libedit's own
/// handlers see to a first one only, and leave the line as the terminal wrapped it anew.
class EditingSignals {
 public:
  EditingSignals() {
    struct sigaction action {};
    action.sa_handler = note_editing_signal;
    action.sa_flags = SA_RESTART;  // what is being shown arrives whole; ppoll() ends all the same
    for (size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &action, &old_actions_[i]);
    }
  }
  ~EditingSignals() {
    for (size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &old_actions_[i], nullptr);
    }
  }
  EditingSignals(const EditingSignals&) = delete;
  EditingSignals& operator=(const EditingSignals&) = delete;

 private:
  static constexpr std::array kSignals = {SIGWINCH, SIGTSTP, SIGCONT};
  std::array<struct sigaction, kSignals.size()> old_actions_{};
};

/// Rows that the text takes below its first on a terminal of so many columns.
int rows_below(std::wstring_view text, int columns) {
  int row = 0;
  int column = 0;
  for (const wchar_t c : text) {
    const int width = c == L'\t' ? 8 - column % 8 : std::max(0, ::wcwidth(c));
    if (c == L'\n' || column + width > columns) {
      ++row;
      column = 0;
    }
    if (c != L'\n') column += width;
  }
  return row + (column == columns ? 1 : 0);
}

/// Pasted text with "\n" between its lines, which terminals send as "\r", none at its end, and
/// without other control characters but tabs.
std::wstring as_lines(const std::wstring& pasted) {
  std::wstring text;
  for (size_t i = 0; i < pasted.size(); ++i) {
    const wchar_t c = pasted[i];
    if (c == L'\r') {
      if (i + 1 == pasted.size() || pasted[i + 1] != L'\n') text += L'\n';
    } else if (c == L'\n' || c == L'\t' || std::iswcntrl(static_cast<std::wint_t>(c)) == 0) {
      text += c;
    }
  }
  while (!text.empty() && text.back() == L'\n') text.pop_back();
  return text;
}

/// The lines of an entry of the history file: all but the last end in a backslash, as in typing.
std::string with_continued_lines(const std::string& text) {
  std::string lines;
  for (const char c : text) lines += c == '\n' ? std::string("\\\n") : std::string(1, c);
  return lines;
}

class LineEditor : public LineSource {
 public:
  LineEditor(const InterruptGuard& interrupt, QuietTerminal& terminal, std::FILE* output,
             fs::path history_file, std::vector<std::string> commands)
      : interrupt_(interrupt),
        terminal_(terminal),
        output_(output),
        history_file_(std::move(history_file)),
        commands_(std::move(commands)),
        history_(history_init()),
        editor_(make_editor()) {
    if (!history_ || !editor_) throw Error("the terminal cannot be set up for line editing");
    HistEvent event;
    ::history(history_.get(), &event, H_SETSIZE, kHistoryLines);
    ::history(history_.get(), &event, H_SETUNIQUE, 1);
    read_history();
    EditLine* editor = editor_.get();
    el_set(editor, EL_CLIENTDATA, this);
    el_set(editor, EL_PROMPT, &LineEditor::show_prompt);
    el_set(editor, EL_EDITOR, "emacs");
    // Line ends come as they are: pasted, "\r\n" is one of them, not two.
    el_set(editor, EL_SETTY, "-d", "-icrnl", "-inlcr", nullptr);
    el_set(editor, EL_GETCFN, &LineEditor::read_character);
    el_set(editor, EL_HIST, ::history, history_.get());
    el_set(editor, EL_ADDFN, "owl3-complete", "Complete a command or file name",
           &LineEditor::complete);
    el_set(editor, EL_BIND, "^I", "owl3-complete", nullptr);
    el_set(editor, EL_ADDFN, "owl3-paste", "Take what is pasted as it is", &LineEditor::paste);
    el_set(editor, EL_BIND, kPasteBegins, "owl3-paste", nullptr);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(editor, nullptr);  // the user's own ~/.editrc
    terminal_.quiet();
  }

  Line next(const std::string& prompt) override {
    prompt_ = prompt;
    errno = 0;
    int length = 0;
    const char* text = nullptr;
    {
      const EditingSignals noted;
      text = el_gets(editor_.get(), &length);
    }
    terminal_.quiet();
    if (text == nullptr || length <= 0) {
      Line line;
      if (interrupt_.interrupted()) line = {LineState::kInterrupted, typed_at_interrupt_};
      if (interrupt_.interrupted() && rows_behind_cursor_ > 0)
        std::fputs(fmt::format("\x1B[{}B", rows_behind_cursor_).c_str(), output_);
      std::fputc('\n', output_);
      std::fflush(output_);
      return line;
    }
    Line line{LineState::kLine, std::string(text, static_cast<size_t>(length))};
    while (!line.text.empty() && (line.text.back() == '\n' || line.text.back() == '\r')) {
      line.text.pop_back();
    }
    remember(line.text);
    return line;
  }

  void interrupted_by(std::function<bool()> has_news, std::function<void()> say_news) override {
    has_news_ = std::move(has_news);
    say_news_ = std::move(say_news);
  }

 private:
  /// libedit takes the terminal as it finds it for the one to restore.
  EditLine* make_editor() {
    terminal_.restore();
    return el_init("owl3", stdin, output_, stderr);
  }

  static LineEditor& self(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<LineEditor*>(data);
  }

  static char* show_prompt(EditLine* editor) { return self(editor).prompt_.data(); }

  /// One character from the terminal; libedit's own reader would start over after Ctrl-C.
  static int read_character(EditLine* editor, wchar_t* character) {
    std::mbstate_t state{};
    for (;;) {
      char byte = 0;
      const ssize_t count = self(editor).read_byte(byte);
      if (count == 0) return 0;
      if (count < 0) {
        LineEditor& owner = self(editor);
        if (errno == EAGAIN) {
          if (owner.has_news_()) owner.say_news_above();
          continue;
        }
        const bool by_signal = errno == EINTR;
        if (by_signal && !owner.interrupt_.interrupted()) {
          owner.see_to_signals();
          continue;
        }
        const LineInfo* line = el_line(editor);
        owner.typed_at_interrupt_.assign(line->buffer, line->lastchar);
        owner.note_rows_behind_cursor();
        return -1;
      }
      const size_t used = std::mbrtowc(character, &byte, 1, &state);
      if (used == static_cast<size_t>(-2)) continue;  // more bytes belong to it
      if (used == static_cast<size_t>(-1)) {
        state = {};  // not a character: passed over
        continue;
      }
      return 1;
    }
  }

  /// As read(), but for a signal that comes just before it, which would be noticed at the next key.
  /// EAGAIN when it is time to ask for news.
  ssize_t read_byte(char& byte) const {
    sigset_t held;
    sigset_t before;
    ::sigfillset(&held);
    ::sigprocmask(SIG_BLOCK, &held, &before);
    const bool noted =
        interrupt_.interrupted() || g_resized != 0 || g_stopping != 0 || g_continued != 0;
    pollfd keys{STDIN_FILENO, POLLIN, 0};
    constexpr timespec kPatience{0, 100'000'000};
    const int ready = noted ? -1 : ::ppoll(&keys, 1, has_news_ ? &kPatience : nullptr, &before);
    const int error_number = noted ? EINTR : errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (ready > 0) return ::read(STDIN_FILENO, &byte, 1);
    errno = ready == 0 ? EAGAIN : error_number;
    return -1;
  }

  /// Rows of prompt and text, up to `end`, below the first.
  int rows_up_to(const wchar_t* end) const {
    const LineInfoW* line = el_wline(editor_.get());
    std::wstring text(prompt_.begin(), prompt_.end());  // ASCII
    text.append(line->buffer, end);
    return rows_below(text, terminal_columns(STDIN_FILENO));
  }

  void note_rows_behind_cursor() {
    const LineInfoW* line = el_wline(editor_.get());
    rows_behind_cursor_ = rows_up_to(line->lastchar) - rows_up_to(line->cursor);
  }

  void see_to_signals() {
    const bool resized = g_resized != 0;
    const bool stops = g_stopping != 0;
    const bool continued = g_continued != 0;
    g_resized = 0;  // before it is seen to: another may come meanwhile
    g_stopping = 0;
    g_continued = 0;
    if (stops || continued) {
      el_wset(editor_.get(), EL_PREP_TERM, 0);
      if (stops) {
        terminal_.restore();
        ::kill(::getpid(), SIGSTOP);  // until `fg`
        g_continued = 0;
      }
      terminal_.quiet();
      el_wset(editor_.get(), EL_PREP_TERM, 1);
      draw_again("\r\n");
    } else if (resized) {
      // Most terminals wrap what they show anew: the line begins where it would at that width.
      draw_again(to_its_beginning());
    }
  }

  void say_news_above() {
    std::fputs(to_its_beginning().c_str(), output_);
    std::fflush(output_);
    say_news_();
    draw_again("\r");
  }

  /// From the cursor to where the line begins, and all of it cleared.
  std::string to_its_beginning() const {
    const int rows = rows_up_to(el_wline(editor_.get())->cursor);
    return rows > 0 ? fmt::format("\r\x1B[{}A\x1B[J", rows) : "\r\x1B[J";
  }

  /// The whole line, from where the sequence leads.
  void draw_again(const std::string& sequence) {
    std::fputs(sequence.c_str(), output_);
    std::fflush(output_);
    el_resize(editor_.get());
    el_wset(editor_.get(), EL_REFRESH);
  }

  /// All lines of what is pasted become one text, which Enter ends as it does any other.
  static unsigned char paste(EditLine* editor, int /*character*/) {
    std::wstring text;
    for (wchar_t character = 0; !text.ends_with(kPasteEnds);) {
      if (el_wgetc(editor, &character) != 1) return CC_EOF;
      text += character;
      if (text.size() > kLongestPaste) return CC_ERROR;
    }
    text.resize(text.size() - kPasteEnds.size());
    text = as_lines(text);
    if (!text.empty() && el_winsertstr(editor, text.c_str()) != 0) return CC_ERROR;
    return CC_REFRESH;
  }

  static unsigned char complete(EditLine* editor, int character) {
    const LineInfo* info = el_line(editor);
    const std::string typed(info->buffer, info->cursor);
    if (typed.empty() || typed[0] != '/' || typed.find(' ') != std::string::npos) {
      return _el_fn_complete(editor, character);
    }
    const std::vector<std::string>& commands = self(editor).commands_;
    std::string common;
    int matches = 0;
    for (const std::string& command : commands) {
      if (command.rfind(typed, 0) != 0) continue;
      if (matches++ == 0) {
        common = command + " ";
        continue;
      }
      size_t same = 0;
      while (same < common.size() && same < command.size() && common[same] == command[same]) ++same;
      common.resize(same);
    }
    if (common.size() <= typed.size()) return CC_REFRESH_BEEP;
    el_insertstr(editor, common.c_str() + typed.size());
    return CC_REFRESH;
  }

  void read_history() {
    if (history_file_.empty()) return;
    std::ifstream file(history_file_);
    std::string entry;
    for (std::string line; std::getline(file, line);) {
      entry += line;
      if (entry.ends_with('\\')) {
        entry.back() = '\n';
        continue;
      }
      enter(entry);
      entry.clear();
    }
  }

  void enter(const std::string& line) {
    HistEvent event;
    if (!line.empty()) ::history(history_.get(), &event, H_ENTER, line.c_str());
  }

  /// Appended at once, so that two conversations at a time, or a hard end, lose nothing. A history
  /// that cannot be written is no reason to disturb a conversation.
  void remember(const std::string& line) {
    if (line.find_first_not_of(' ') == std::string::npos) return;
    enter(line);
    if (history_file_.empty()) return;
    std::error_code error;
    fs::create_directories(history_file_.parent_path(), error);
    const int file =
        ::open(history_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) return;
    const std::string text = with_continued_lines(line) + "\n";
    [[maybe_unused]] const ssize_t written = ::write(file, text.data(), text.size());
    ::close(file);
  }

  const InterruptGuard& interrupt_;
  QuietTerminal& terminal_;
  std::FILE* output_;
  fs::path history_file_;
  std::vector<std::string> commands_;
  std::string prompt_;
  std::function<bool()> has_news_;
  std::function<void()> say_news_;
  std::string typed_at_interrupt_;  // libedit forgets it when a read fails
  int rows_behind_cursor_ = 0;      // then: of the line, below the cursor's
  std::unique_ptr<History, EndHistory> history_;
  std::unique_ptr<EditLine, EndEditLine> editor_;
};

}  // namespace

std::unique_ptr<LineSource> make_line_editor(const InterruptGuard& interrupt,
                                             QuietTerminal& terminal, std::FILE* output,
                                             const fs::path& history,
                                             std::vector<std::string> commands) {
  return std::make_unique<LineEditor>(interrupt, terminal, output, history, std::move(commands));
}

fs::path history_path() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
    return fs::path(state) / "owl3" / "history";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return fs::path(home) / ".local" / "state" / "owl3" / "history";
}

}  // namespace owl3::cli
