#include "cli/chat/question_text.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "cli/chat/line_editor.h"
#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

constexpr size_t kMaxQuestionBytes = size_t{64} << 20;

/// The text with "\n" for the "\r\n" of Windows.
std::string with_unix_lines(const std::string& text) {
  std::string lines;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') lines += text[i];
  }
  return lines;
}

}  // namespace

std::string question_text(const std::string& prompt, const InterruptGuard& interrupt) {
  if (prompt != "-") return prompt;
  if (is_terminal(STDIN_FILENO)) tell("owl3: type the question; Ctrl-D on a new line ends it\n");
  std::string text;
  char bytes[8192];  // small: the stack may be (ulimit -s)
  size_t count = 0;
  do {
    count = std::fread(bytes, 1, sizeof bytes, stdin);
    text.append(bytes, count);
    if (text.size() > kMaxQuestionBytes) {
      throw InputError("standard input: more than 64 MiB is no question");
    }
  } while (count == sizeof bytes);  // less: the end, an error, or Ctrl-C
  if (interrupt.interrupted()) throw Interrupted("interrupted");  // half a question
  if (std::ferror(stdin) != 0) {
    throw InputError(fmt::format("standard input: {}", errno_text(errno)));
  }
  text = with_unix_lines(without_byte_order_mark(std::move(text)));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace owl3::cli
