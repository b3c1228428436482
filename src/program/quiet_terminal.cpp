#include "program/quiet_terminal.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace owl3 {

namespace {

constexpr std::string_view kMarkPastes = "\x1B[?2004h";
constexpr std::string_view kMarkNoPastes = "\x1B[?2004l";

// A signal handler can reach nothing but globals.
termios g_found{};
std::atomic<bool> g_known{false};
std::atomic<int> g_marking{-1};  // the descriptor by which pastes are marked

bool knows_escapes() {
  const char* const kind = std::getenv("TERM");
  return kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

void write_all(int output, std::string_view sequence) {
  [[maybe_unused]] const ssize_t written = ::write(output, sequence.data(), sequence.size());
}

}  // namespace

void restore_terminal_at_once() {
  if (g_known.exchange(false)) ::tcsetattr(STDIN_FILENO, TCSANOW, &g_found);
  if (const int output = g_marking.exchange(-1); output >= 0) write_all(output, kMarkNoPastes);
}

QuietTerminal::QuietTerminal(int output) : output_(output) {
  quiet();
}

QuietTerminal::~QuietTerminal() {
  restore();
}

void QuietTerminal::quiet() {
  if (!g_known && ::tcgetattr(STDIN_FILENO, &g_found) != 0) return;
  g_known = true;
  termios mode = g_found;
  mode.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR);
  mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ECHONL);
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
  if (g_marking < 0 && knows_escapes()) {
    g_marking = output_;
    write_all(output_, kMarkPastes);
  }
}

void QuietTerminal::restore() {
  restore_terminal_at_once();
}

}  // namespace owl3
