#include "text/media_lines.h"

#include <fmt/format.h>

#include "text/prompt.h"

namespace owl3 {

namespace {

/// The length of the mark there, 0 where there is none.
size_t mark_at(std::string_view content, size_t at) {
  for (const std::string_view mark : {kImageMark, kVideoMark}) {
    if (content.substr(at).starts_with(mark)) return mark.size();
  }
  return 0;
}

/// The length of an image's number there: digits before another mark, a line's or the text's end.
size_t number_at(std::string_view content, size_t at) {
  size_t end = at;
  while (end < content.size() && content[end] >= '0' && content[end] <= '9') ++end;
  const bool alone = end == content.size() || content[end] == '\n' || mark_at(content, end) > 0;
  return alone ? end - at : 0;
}

}  // namespace

MediaLines media_lines(std::string_view content) {
  size_t at = 0;
  bool joined = false;
  while (const size_t mark = mark_at(content, at)) {
    at += mark;
    const size_t number = number_at(content, at);
    at += number;
    if (at == content.size()) return joined ? MediaLines::kJoined : MediaLines::kNone;
    if (content[at] == '\n') {
      ++at;
    } else if (number == 0 || mark_at(content, at) == 0) {
      joined = true;
    }
  }
  if (at == 0) return MediaLines::kNone;
  if (joined) return MediaLines::kJoined;
  return content.substr(at).starts_with('\n') ? MediaLines::kEmptyLine : MediaLines::kAsChat;
}

std::string with_media_lines(std::string_view content) {
  std::string text;
  size_t at = 0;
  while (const size_t mark = mark_at(content, at)) {
    const size_t number = number_at(content, at + mark);
    text += content.substr(at, mark + number);
    at += mark + number;
    const bool at_end = at == content.size();
    if (!at_end && content[at] == '\n') {
      text += '\n';
      ++at;
    } else if (!at_end && (number == 0 || mark_at(content, at) == 0)) {
      text += '\n';
    }
  }
  return text.append(content.substr(at));
}

void MediaLineCount::add(MediaLines lines) {
  rows += lines == MediaLines::kNone ? 0 : 1;
  joined += lines == MediaLines::kJoined ? 1 : 0;
  empty_line += lines == MediaLines::kEmptyLine ? 1 : 0;
}

MediaLineCount& MediaLineCount::operator+=(const MediaLineCount& other) {
  rows += other.rows;
  joined += other.joined;
  empty_line += other.empty_line;
  return *this;
}

std::string media_lines_note(const MediaLineCount& count) {
  // Of a set with both forms, both are learnt.
  const auto nearly_all = [&](int64_t part) { return part > 0 && part * 10 >= count.rows * 9; };
  const bool joined = nearly_all(count.joined);
  if (!joined && !nearly_all(count.empty_line)) return "";
  return fmt::format(
      "{} of {} rows that begin with media have {} behind <image>, where owl3 chat --image has one "
      "newline, and so another prompt: write <image>\\n, or set sample.newline_after_media: auto",
      joined ? count.joined : count.empty_line, count.rows,
      joined ? "no newline" : "more than one newline");
}

}  // namespace owl3
