#include "batch/subtitle_files.h"

#include <system_error>
#include <utility>

#include "batch/file_beside.h"
#include "core/error.h"
#include "core/unwritable.h"

namespace owl3 {

namespace fs = std::filesystem;

SubtitleFiles::SubtitleFiles(const BatchInput& input, SubtitleFormat format,
                             std::optional<fs::path> path)
    : input_(input), format_(format), path_(std::move(path)), subtitles_(format) {}

fs::path SubtitleFiles::file_of_film(const std::string& film) const {
  if (path_) return *path_;
  return fs::path(film).replace_extension(format_ == SubtitleFormat::kSrt ? ".srt" : ".vtt");
}

fs::path SubtitleFiles::file_of(int64_t item) const {
  return file_of_film(input_.item(item).media.front().reference);
}

void SubtitleFiles::check(int64_t answered) const {
  std::set<fs::path> seen;
  for (int64_t i = 0; i < input_.size(); ++i) {
    const BatchItem item = input_.item(i);
    const auto& segment = item.media.front().segment;
    if (!segment || !segment->is_last) continue;
    const fs::path file = file_of_film(item.media.front().reference);
    if (!seen.insert(file).second) {
      throw InputError(fmt::format("two of the films would have {}", file.string()));
    }
    if (i >= answered && is_there(file)) {
      throw InputError(
          fmt::format("{}: is there already, and not of this run: move it away", file.string()));
    }
  }
}

void SubtitleFiles::add(int64_t item, const std::optional<std::string>& answer) {
  const BatchMedium medium = input_.item(item).media.front();
  if (const auto text = text_after(medium, answer)) write(file_of_film(medium.reference), *text);
}

void SubtitleFiles::take_back(int64_t item, const std::optional<std::string>& answer) {
  const BatchMedium medium = input_.item(item).media.front();
  const auto text = text_after(medium, answer);
  const fs::path file = file_of_film(medium.reference);
  std::error_code error;
  if (text && has_text(file, *text)) fs::remove(file, error);
}

/// The film's subtitles, after the last of its answers; nothing before it, or without any.
std::optional<std::string> SubtitleFiles::text_after(const BatchMedium& medium,
                                                     const std::optional<std::string>& answer) {
  const auto& segment = medium.segment;
  if (!segment) return std::nullopt;
  if (segment->number == 0) {
    subtitles_ = Subtitles(format_);
    cues_.clear();
  }
  if (answer) cues_ += subtitles_.cue(*segment, *answer);
  if (!segment->is_last || cues_.empty()) return std::nullopt;
  return subtitles_.header() + cues_;
}

void SubtitleFiles::write(const fs::path& file, const std::string& text) {
  try {
    unwritten_.erase(file);
    if (write_beside(file, text)) {
      left_.erase(file);
    } else {
      left_.insert(file);
    }
  } catch (const NoRoomLeft&) {
    throw;
  } catch (const InputError& error) {
    unwritten_[file] = error.what();
  }
}

}  // namespace owl3
