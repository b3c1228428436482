#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>

namespace owl3::cli {

namespace {

// A signal handler can reach nothing but a global; the work's threads read it.
std::atomic<int> g_interrupts{0};
static_assert(std::atomic<int>::is_always_lock_free, "signal handlers must not take locks");

void count_interrupt(int) {
  if (g_interrupts.fetch_add(1) == 0) return;
  constexpr char kEraseLine[] = "\r\033[K";  // a progress bar may stand there
  if (::isatty(STDERR_FILENO) != 0) {
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, kEraseLine, sizeof kEraseLine - 1);
  }
  ::_exit(kInterruptedExitCode);
}

}  // namespace

InterruptGuard::InterruptGuard(Heed heed) : heed_(heed) {
  g_interrupts = 0;
  struct sigaction action {};
  action.sa_handler = count_interrupt;  // without SA_RESTART: a waiting read must notice
  ::sigaction(SIGINT, &action, &old_interrupt_);
  if (heed_ == Heed::kTermination) ::sigaction(SIGTERM, &action, &old_termination_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &old_interrupt_, nullptr);
  if (heed_ == Heed::kTermination) ::sigaction(SIGTERM, &old_termination_, nullptr);
}

bool InterruptGuard::interrupted() const {
  return g_interrupts != 0;
}

void InterruptGuard::reset() {
  g_interrupts = 0;
}

}  // namespace owl3::cli
