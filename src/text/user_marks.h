// <image> and <video> in what users write, and the backslashes that make plain text of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

inline constexpr std::string_view kUserImageMark = "<image>";
inline constexpr std::string_view kUserVideoMark = "<video>";

/// A mark with the backslashes before it: an odd number of them makes it plain text, and two stand
/// for one. Backslashes without a mark behind them are what they are.
struct UserMark {
  size_t begin = 0;  // of the backslashes
  size_t backslashes = 0;
  std::string_view name;  // kUserImageMark or kUserVideoMark

  bool places_medium() const { return backslashes % 2 == 0; }
  size_t end() const { return begin + backslashes + name.size(); }
  /// What stands in the text for the backslashes and, where it is plain text, the mark.
  std::string text() const {
    return std::string(backslashes / 2, '\\') + std::string(places_medium() ? "" : name);
  }
};

/// The first mark, plain text or not, that begins at `from` or later.
std::optional<UserMark> next_user_mark(std::string_view text, size_t from);

/// A stretch of the text as it is meant, without the backslashes that only say so, and the mark
/// behind it that places a medium: kUserImageMark, kUserVideoMark, or, at the text's end, none.
struct UserSegment {
  std::string text;
  std::string_view mark;
};
std::vector<UserSegment> user_segments(std::string_view text);

/// How many media the marks of this name place.
int64_t count_user_marks(std::string_view text, std::string_view name);

/// Whether the text has marks, so that it says itself where each medium stands.
bool places_media(std::string_view text);

/// The text with more backslashes, so that what has the name of a mark is one, whatever stood
/// before it.
std::string with_every_mark_placing(std::string_view text);

/// The text in which nothing places a medium: every mark is plain text.
std::string without_marks(std::string_view text);

}  // namespace owl3
