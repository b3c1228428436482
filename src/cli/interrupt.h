// Ctrl-C: the first asks the work under way to end cleanly, the second ends the program at once.
#pragma once

#include <csignal>

namespace owl3::cli {

inline constexpr int kInterruptedExitCode = 130;  // 128 + SIGINT, as shells report it

/// While it lives, the first SIGINT is noted, and blocking reads return; a second one ends the
/// program with exit code 130. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether Ctrl-C came since the beginning, or the last reset(). Callable from any thread.
  bool interrupted() const;
  /// Forgets it: new work begins.
  void reset();

 private:
  struct sigaction old_action_ {};
};

}  // namespace owl3::cli
