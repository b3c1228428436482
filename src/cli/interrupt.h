// Ctrl-C: the first asks the work under way to end cleanly, the second ends the program at once.
#pragma once

#include <csignal>

namespace owl3::cli {

inline constexpr int kInterruptedExitCode = 130;  // 128 + SIGINT, as shells report it

/// Which signals it heeds. kTermination: SIGTERM as well, for work that must leave nothing behind.
enum class Heed { kInterrupt, kTermination };

/// While it lives, the first SIGINT is noted, and blocking reads return; a second one ends the
/// program with exit code 130. One at a time.
class InterruptGuard {
 public:
  explicit InterruptGuard(Heed heed = Heed::kInterrupt);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether Ctrl-C came since the beginning, or the last reset(). Callable from any thread.
  bool interrupted() const;
  /// Forgets it: new work begins.
  void reset();

 private:
  Heed heed_;
  struct sigaction old_interrupt_ {};
  struct sigaction old_termination_ {};
};

}  // namespace owl3::cli
