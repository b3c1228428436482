// Answers about the parts of a film as its subtitles: SRT, or WebVTT
// (https://www.w3.org/TR/webvtt1/).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "batch/batch_item.h"

namespace owl3 {

enum class SubtitleFormat { kSrt, kVtt };

/// "srt", "vtt"
std::optional<SubtitleFormat> subtitle_format(std::string_view name);
/// As the file is called.
std::optional<SubtitleFormat> subtitle_format_of(const std::filesystem::path& file);

class Subtitles {
 public:
  explicit Subtitles(SubtitleFormat format) : format_(format) {}

  /// What stands above all cues.
  std::string header() const;
  /// The next one, with the empty line behind it; empty where there is no text to show.
  std::string cue(const FilmSegment& segment, std::string_view answer);

 private:
  SubtitleFormat format_;
  int64_t cues_ = 0;
};

/// "01:02:03,500", or of WebVTT "01:02:03.500".
std::string subtitle_time(int64_t milliseconds, SubtitleFormat format);
/// The text as a cue may have it: without empty lines, which end one, without arrows, which begin
/// one, and for WebVTT with the characters of its marks escaped.
std::string subtitle_text(std::string_view text, SubtitleFormat format);

}  // namespace owl3
