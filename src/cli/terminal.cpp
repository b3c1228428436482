#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3::cli {

namespace {

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

}  // namespace

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) != 0;
}

int terminal_columns(int descriptor) {
  winsize size{};
  const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string without_controls(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const Utf8Character c = first_character(text);
    if (c.state != Utf8State::kValid) {
      shown += kReplacementCharacter;
    } else if (!is_control(c.code_point) || c.code_point == '\n' || c.code_point == '\t') {
      shown += text.substr(0, c.length);
    }
    text.remove_prefix(c.length);
  }
  return shown;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool control = is_control(static_cast<unsigned char>(c)) && (c & 0x80) == 0;
    line += control ? ' ' : c;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

void flush_output() {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw OutputFailed(fmt::format("standard output: {}", errno_text(errno)));
}

void tell(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void tell_warning(std::string_view text) {
  if (!text.empty()) tell(fmt::format("owl3: warning: {}\n", one_line(text)));
}

void tell_warnings(std::span<const std::string> texts) {
  for (const std::string& text : texts) tell_warning(text);
}

}  // namespace owl3::cli
