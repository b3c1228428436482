#include "text/user_marks.h"

namespace owl3 {

std::optional<UserMark> next_user_mark(std::string_view text, size_t from) {
  for (size_t at = text.find('<', from); at != text.npos; at = text.find('<', at + 1)) {
    for (const std::string_view name : {kUserImageMark, kUserVideoMark}) {
      if (!text.substr(at).starts_with(name)) continue;
      size_t begin = at;
      while (begin > from && text[begin - 1] == '\\') --begin;
      return UserMark{begin, at - begin, name};
    }
  }
  return std::nullopt;
}

std::vector<UserSegment> user_segments(std::string_view text) {
  std::vector<UserSegment> segments(1);
  size_t at = 0;
  for (auto mark = next_user_mark(text, 0); mark; mark = next_user_mark(text, at)) {
    UserSegment& segment = segments.back();
    segment.text.append(text.substr(at, mark->begin - at)).append(mark->text());
    at = mark->end();
    if (!mark->places_medium()) continue;
    segment.mark = mark->name;
    segments.emplace_back();
  }
  segments.back().text.append(text.substr(at));
  return segments;
}

int64_t count_user_marks(std::string_view text, std::string_view name) {
  int64_t count = 0;
  for (auto mark = next_user_mark(text, 0); mark; mark = next_user_mark(text, mark->end())) {
    if (mark->places_medium() && mark->name == name) ++count;
  }
  return count;
}

bool places_media(std::string_view text) {
  for (auto mark = next_user_mark(text, 0); mark; mark = next_user_mark(text, mark->end())) {
    if (mark->places_medium()) return true;
  }
  return false;
}

std::string with_every_mark_placing(std::string_view text) {
  std::string marked;
  size_t at = 0;
  for (auto mark = next_user_mark(text, 0); mark; mark = next_user_mark(text, at)) {
    marked.append(text.substr(at, mark->begin - at));
    marked.append(2 * mark->backslashes, '\\').append(mark->name);
    at = mark->end();
  }
  return marked.append(text.substr(at));
}

std::string without_marks(std::string_view text) {
  std::string result;
  size_t from = 0;
  while (const auto mark = next_user_mark(text, from)) {
    result.append(text.substr(from, mark->begin - from));
    result.append(2 * mark->backslashes + 1, '\\').append(mark->name);
    from = mark->end();
  }
  return result.append(text.substr(from));
}

}  // namespace owl3
