#include "batch/subtitle_files.h"

#include <set>
#include <system_error>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

}  // namespace

SubtitleFiles::SubtitleFiles(const BatchInput& input, SubtitleFormat format,
                             std::optional<fs::path> path)
    : input_(input), format_(format), path_(std::move(path)), subtitles_(format) {}

fs::path SubtitleFiles::file_of(const std::string& film) const {
  if (path_) return *path_;
  return fs::path(film).replace_extension(format_ == SubtitleFormat::kSrt ? ".srt" : ".vtt");
}

void SubtitleFiles::check(int64_t answered) const {
  std::set<fs::path> seen;
  for (int64_t i = 0; i < input_.size(); ++i) {
    const BatchItem item = input_.item(i);
    const auto& segment = item.media.front().segment;
    if (!segment || !segment->is_last) continue;
    const fs::path file = file_of(item.media.front().reference);
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
  const BatchItem one = input_.item(item);
  const auto& segment = one.media.front().segment;
  if (!segment) return;
  if (segment->number == 0) {
    subtitles_ = Subtitles(format_);
    cues_.clear();
  }
  if (answer) cues_ += subtitles_.cue(*segment, *answer);
  if (segment->is_last && !cues_.empty()) write(one.media.front().reference);
}

void SubtitleFiles::write(const std::string& film) const {
  const fs::path path = file_of(film);
  if (is_there(path)) return;
  AtomicFile file(path);
  file.write(subtitles_.header());
  file.write(cues_);
  file.commit();
}

void SubtitleFiles::take_back(int64_t item) const {
  std::error_code error;
  fs::remove(file_of(input_.item(item).media.front().reference), error);
}

}  // namespace owl3
