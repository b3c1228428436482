// Ctrl-C and its kin: the first asks the work under way to end cleanly, the second ends the program
// at once.
#pragma once

#include <array>
#include <csignal>

namespace owl3 {

/// What the program ends with after an interrupt: 128 + the signal, as shells report it. 130 for
/// Ctrl-C.
int interrupted_exit_code();

/// While it lives, the first SIGINT, SIGTERM or SIGHUP is noted, and blocking reads return; a
/// second one ends the program. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether a signal came since the beginning, or the last reset(). Callable from any thread.
  bool interrupted() const;
  /// Whether one came that asks for the program's end: any but Ctrl-C.
  bool terminated() const;
  /// From now on the first signal is answered at once with this line on standard error, a literal
  /// with its newline: for work that takes a while to end.
  void announce(const char* line);
  /// Forgets Ctrl-C: new work begins. What asks for the program's end is not forgotten.
  void reset();

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> old_actions_{};
};

/// While it lives, a second signal does not end the program either: what writes a file takes its
/// unfinished parts away first.
class WriteGuard {
 public:
  WriteGuard();
  ~WriteGuard();
  WriteGuard(const WriteGuard&) = delete;
  WriteGuard& operator=(const WriteGuard&) = delete;
};

}  // namespace owl3
