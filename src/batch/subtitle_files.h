// Subtitles of films, a file for each: whole, once the film's last segment is answered.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "batch/batch_item.h"
#include "batch/subtitles.h"

namespace owl3 {

class SubtitleFiles {
 public:
  /// `path` is the only film's; not given: "films/a.mp4" has "films/a.srt". The input must outlive
  /// this.
  SubtitleFiles(const BatchInput& input, SubtitleFormat format,
                std::optional<std::filesystem::path> path = std::nullopt);

  /// Throws InputError where two films would share one, and where one is there already of a film
  /// whose items are not all among the first `answered`.
  void check(int64_t answered) const;
  /// An item's answer; nothing where it failed. Those of a film come in order, from its first on;
  /// after the last its file is written, unless it is there, or none of them has an answer.
  void add(int64_t item, const std::optional<std::string>& answer);
  /// Takes the file of the item's film away, for add() to write it anew.
  void take_back(int64_t item) const;

 private:
  std::filesystem::path file_of(const std::string& film) const;
  void write(const std::string& film) const;

  const BatchInput& input_;
  SubtitleFormat format_;
  std::optional<std::filesystem::path> path_;
  Subtitles subtitles_;
  std::string cues_;  // of the film whose items come
};

}  // namespace owl3
