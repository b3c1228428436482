#include "program/interrupt.h"

#include <unistd.h>

#include <atomic>

#include "program/quiet_terminal.h"

namespace owl3 {

namespace {

// A signal handler can reach nothing but globals; the work's threads read them.
std::atomic<int> g_interrupts{0};    // SIGINT, since the last reset
std::atomic<int> g_terminations{0};  // the others
std::atomic<int> g_last_signal{SIGINT};
std::atomic<bool> g_writing{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "signal handlers must not take locks");

void note_signal(int signal) {
  const bool first = g_interrupts + g_terminations == 0;
  ++(signal == SIGINT ? g_interrupts : g_terminations);
  g_last_signal = signal;
  if (first || g_writing) return;
  constexpr char kEraseLine[] = "\r\033[K";  // a progress bar may stand there
  if (::isatty(STDERR_FILENO) != 0) {
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, kEraseLine, sizeof kEraseLine - 1);
  }
  restore_terminal_at_once();
  ::_exit(interrupted_exit_code());
}

}  // namespace

int interrupted_exit_code() {
  return 128 + g_last_signal;
}

InterruptGuard::InterruptGuard() {
  g_interrupts = 0;
  g_terminations = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;  // without SA_RESTART: a waiting read must notice
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &action, &old_actions_[i]);
    // nohup's wish stands.
    const bool ignored = kSignals[i] == SIGHUP && old_actions_[i].sa_handler == SIG_IGN;
    if (ignored) ::sigaction(kSignals[i], &old_actions_[i], nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &old_actions_[i], nullptr);
  }
}

bool InterruptGuard::interrupted() const {
  return g_interrupts + g_terminations != 0;
}

bool InterruptGuard::terminated() const {
  return g_terminations != 0;
}

void InterruptGuard::reset() {
  g_interrupts = 0;
}

WriteGuard::WriteGuard() {
  g_writing = true;
}

WriteGuard::~WriteGuard() {
  g_writing = false;
}

}  // namespace owl3
