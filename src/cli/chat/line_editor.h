// Lines from the user: edited on a terminal, with history and completion, or read from a pipe.
#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "program/interrupt.h"
#include "program/quiet_terminal.h"

namespace owl3::cli {

enum class LineState { kLine, kEnd, kInterrupted };

struct Line {
  LineState state = LineState::kEnd;
  /// Without its newline; what was typed when Ctrl-C came. Pasted on a terminal, it may have
  /// several lines.
  std::string text;
};

class LineSource {
 public:
  virtual ~LineSource() = default;
  virtual Line next(const std::string& prompt) = 0;
  /// Whether there is something to be read within this time; true where that can't be told.
  virtual bool wait_for(std::chrono::milliseconds) { return true; }
  /// What others have to say while a line is edited: whether there is something, asked again and
  /// again, and to say it, above the line. Where none is edited it is not asked.
  virtual void interrupted_by(std::function<bool()> /*has_news*/,
                              std::function<void()> /*say_news*/) {}
};

/// The text that standard input begins with, without the mark that Windows programs put there.
/// Throws InputError for text in UTF-16.
std::string without_byte_order_mark(std::string text);

/// Standard input as it is, by lines of either kind; the prompt is not shown.
std::unique_ptr<LineSource> make_line_reader(const InterruptGuard& interrupt);

/// Line editing on the terminal; `commands` ("/help", ...) and file names are completed with Tab,
/// `history` is read at the beginning and gets every line. It is shown on `output`; between lines
/// the terminal is quiet.
std::unique_ptr<LineSource> make_line_editor(const InterruptGuard& interrupt,
                                             QuietTerminal& terminal, std::FILE* output,
                                             const std::filesystem::path& history,
                                             std::vector<std::string> commands);

/// $XDG_STATE_HOME/owl3/history, or ~/.local/state/owl3/history; empty when there is no home.
std::filesystem::path history_path();

}  // namespace owl3::cli
