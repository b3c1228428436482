// How media that stand before a user's words are parted from them: `owl3 chat` puts each on a line
// of its own, and a model answers best what it was taught in the same form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace owl3 {

/// What is put behind the marks of media in a text: nothing, a newline behind each (as ms-swift's
/// template has it), or a newline behind those that stand first and have none.
enum class MediaNewlines { kAsWritten, kAlways, kAuto };

/// Of a text with the model's own marks (kImageMark, kVideoMark): what follows those it begins
/// with. Images with their numbers ("<|image|>1<|image|>2\n") are as `owl3 chat --number-images`
/// has them.
enum class MediaLines {
  kNone,       // it does not begin with media, or is nothing else
  kAsChat,     // one newline behind each
  kJoined,     // other media or words, on the same line
  kEmptyLine,  // more newlines than one
};
MediaLines media_lines(std::string_view content);

/// The text with a newline behind each of the marks it begins with that has none.
std::string with_media_lines(std::string_view content);

/// Rows of data by how their media are parted from their questions.
struct MediaLineCount {
  int64_t rows = 0;  // that begin a question with media
  int64_t joined = 0;
  int64_t empty_line = 0;

  void add(MediaLines lines);
  MediaLineCount& operator+=(const MediaLineCount& other);
};

/// A line about rows that, nearly all alike, teach prompts which `owl3 chat --image` doesn't make;
/// empty when they are not so.
std::string media_lines_note(const MediaLineCount& count);

}  // namespace owl3
