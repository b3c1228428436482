#include "training_data/json_scanner.h"

#include <fmt/format.h>

#include <algorithm>

namespace owl3 {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Whether the quote at `at` is written \", an odd number of backslashes before it.
bool is_escaped(std::string_view text, size_t begin, size_t at) {
  size_t backslashes = 0;
  while (at - backslashes > begin && text[at - backslashes - 1] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

}  // namespace

void JsonScanner::skip_space() {
  for (; !at_end() && is_space(peek()); ++position_) line_ += peek() == '\n' ? 1 : 0;
}

std::string JsonScanner::skip_value() {
  open_.clear();
  do {
    std::string mistake;
    switch (peek()) {
      case '{':
        open_ += '}';
        ++position_;
        break;
      case '[':
        open_ += ']';
        ++position_;
        break;
      case '}':
      case ']':
        mistake = close(peek());
        break;
      case '"':
        mistake = skip_string();
        break;
      case ',':
      case ':':
        if (open_.empty()) return fmt::format("{} stands where a value is expected", peek());
        ++position_;
        break;
      default:
        skip_scalar();
    }
    if (!mistake.empty()) return mistake;
    if (open_.empty()) return {};
    skip_space();
  } while (!at_end());
  return "the file ends inside it: it was cut off, or a bracket is not closed";
}

std::string JsonScanner::close(char bracket) {
  if (open_.empty()) return fmt::format("{} stands where a value is expected", bracket);
  if (open_.back() != bracket) {
    return fmt::format("{} stands where {} is expected", bracket, open_.back());
  }
  open_.pop_back();
  ++position_;
  return {};
}

std::string JsonScanner::skip_string() {
  const size_t begin = position_ + 1;
  size_t end = text_.find('"', begin);
  while (end != text_.npos && is_escaped(text_, begin, end)) end = text_.find('"', end + 1);
  const std::string_view content = text_.substr(begin, std::min(end, text_.size()) - begin);
  if (content.find('\n') != content.npos) return "a string is not closed at the end of the line";
  if (end == text_.npos) return "the file ends inside a string: it was cut off";
  position_ = end + 1;
  return {};
}

void JsonScanner::skip_scalar() {
  constexpr std::string_view kEnds = "{}[]\",: \t\r\n";
  ++position_;
  while (!at_end() && kEnds.find(peek()) == kEnds.npos) ++position_;
}

}  // namespace owl3
