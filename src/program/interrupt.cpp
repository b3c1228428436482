#include "program/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "program/quiet_terminal.h"

namespace owl3 {

namespace {

// A signal handler can reach nothing but globals; the work's threads read them.
std::atomic<int> g_interrupts{0};    // SIGINT, since the last reset
std::atomic<int> g_terminations{0};  // the others
std::atomic<int> g_last_signal{SIGINT};
std::atomic<bool> g_writing{false};
std::atomic<const char*> g_announcement{nullptr};  // for the first of them
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free &&
                  std::atomic<const char*>::is_always_lock_free,
              "signal handlers must not take locks");

void write_at_once(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void erase_line() {  // a progress bar may stand there
  if (::isatty(STDERR_FILENO) != 0) write_at_once("\r\033[K");
}

void note_signal(int signal) {
  const int error_number = errno;  // the interrupted work's
  const bool first = g_interrupts + g_terminations == 0;
  ++(signal == SIGINT ? g_interrupts : g_terminations);
  g_last_signal = signal;
  const char* announcement = g_announcement;
  if (first && announcement != nullptr) {
    erase_line();
    write_at_once(announcement);
    errno = error_number;
  }
  if (first || g_writing) return;
  erase_line();
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
  g_announcement = nullptr;
}

void InterruptGuard::announce(const char* line) {
  g_announcement = line;
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
