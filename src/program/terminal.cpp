#include "program/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

bool continues_a_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// "data:image/png;base64,iVBORw0KGgo...AAElFTkSuQmCC", of a text that is longer than both parts.
std::string shortened(std::string_view text, size_t head, size_t end) {
  while (head > 0 && continues_a_character(text[head])) --head;
  size_t tail = text.size() - end;
  while (tail < text.size() && continues_a_character(text[tail])) ++tail;
  return fmt::format("{}...{}", text.substr(0, head), text.substr(tail));
}

std::string with_short_words(std::string_view line) {
  constexpr size_t kLongestWord = 512;
  std::string text;
  while (!line.empty()) {
    const size_t length = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, length);
    text += length > kLongestWord ? shortened(word, 120, 60) : std::string(word);
    line.remove_prefix(length);
    const size_t spaces = std::min(line.find_first_not_of(' '), line.size());
    text += line.substr(0, spaces);
    line.remove_prefix(spaces);
  }
  return text;
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
  line = with_short_words(line);
  constexpr size_t kLongestLine = 2000;
  return line.size() > kLongestLine ? shortened(line, 1200, 600) : line;
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

}  // namespace owl3
