#include "batch/subtitles.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/image_kinds.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

/// Without the control characters, which no player shows.
std::string printable(std::string_view line) {
  std::string text;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') {
      text += ' ';
    } else if (byte >= 0x20 && byte != 0x7f) {
      text += c;
    }
  }
  const size_t begin = text.find_first_not_of(' ');
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

std::string escaped(std::string_view line, SubtitleFormat format) {
  constexpr std::string_view kArrow = "-->";
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (format == SubtitleFormat::kSrt) {
      const bool is_arrow = line.substr(i).starts_with(kArrow);  // SRT has no escapes
      text += is_arrow ? "\u2192" : std::string(1, c);
      if (is_arrow) i += kArrow.size() - 1;
    } else if (c == '&') {
      text += "&amp;";
    } else if (c == '<') {
      text += "&lt;";
    } else if (c == '>') {
      text += "&gt;";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::optional<SubtitleFormat> subtitle_format(std::string_view name) {
  if (name == "srt") return SubtitleFormat::kSrt;
  if (name == "vtt") return SubtitleFormat::kVtt;
  return std::nullopt;
}

std::optional<SubtitleFormat> subtitle_format_of(const std::filesystem::path& file) {
  const std::string extension = lower_case(file.extension().string());
  return subtitle_format(std::string_view(extension).substr(extension.empty() ? 0 : 1));
}

std::string subtitle_time(int64_t milliseconds, SubtitleFormat format) {
  const int64_t seconds = milliseconds / 1000;
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     format == SubtitleFormat::kSrt ? ',' : '.', milliseconds % 1000);
}

std::string subtitle_text(std::string_view text, SubtitleFormat format) {
  const std::string valid = with_replacements(std::string(text));
  const std::string_view all = valid;
  std::string lines;
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = std::min(all.find_first_of("\r\n", begin), all.size());
    const std::string line = escaped(printable(all.substr(begin, end - begin)), format);
    if (!line.empty()) lines += (lines.empty() ? "" : "\n") + line;
    begin = end + 1;
  }
  return lines;
}

std::string Subtitles::header() const {
  return format_ == SubtitleFormat::kVtt ? "WEBVTT\n\n" : "";
}

std::string Subtitles::cue(const FilmSegment& segment, std::string_view answer) {
  const std::string text = subtitle_text(answer, format_);
  if (text.empty()) return {};
  return fmt::format("{}\n{} --> {}\n{}\n\n", ++cues_, subtitle_time(segment.from_ms, format_),
                     subtitle_time(segment.to_ms, format_), text);
}

}  // namespace owl3
