// A terminal that keeps what is typed while the program works, instead of showing it amid answers.
#pragma once

#include <termios.h>

namespace owl3 {

/// While it lives, keys are neither shown nor made into lines, but wait to be read, and what is
/// pasted comes between marks, ESC [200~ and ESC [201~. Ctrl-C works. One at a time.
class QuietTerminal {
 public:
  /// Standard input must be a terminal; `output` is the descriptor of one.
  explicit QuietTerminal(int output);
  ~QuietTerminal();
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

  void quiet();
  /// As it was found.
  void restore();

 private:
  int output_;
};

/// For signal handlers that end the program: the terminal as it was found, if it is quiet.
void restore_terminal_at_once();

}  // namespace owl3
