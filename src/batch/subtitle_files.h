// Subtitles of films, a file for each: whole, once the film's last segment is answered.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
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
  /// after the last its file is written, unless one is there, or none of them has an answer. Throws
  /// NoRoomLeft; a file that can't be written for another reason is among unwritten().
  void add(int64_t item, const std::optional<std::string>& answer);
  /// The same answers again, before others take the places of some: after a film's last its file is
  /// taken away, for add() to write it anew, where it is what add() wrote of them.
  void take_back(int64_t item, const std::optional<std::string>& answer);

  /// Of the item's film.
  std::filesystem::path file_of(int64_t item) const;
  /// Those that were there, are not what add() would have written, and stay as they are.
  const std::set<std::filesystem::path>& left() const { return left_; }
  /// With what is wrong.
  const std::map<std::filesystem::path, std::string>& unwritten() const { return unwritten_; }

 private:
  std::filesystem::path file_of_film(const std::string& film) const;
  std::optional<std::string> text_after(const BatchMedium& medium,
                                        const std::optional<std::string>& answer);
  void write(const std::filesystem::path& file, const std::string& text);

  const BatchInput& input_;
  SubtitleFormat format_;
  std::optional<std::filesystem::path> path_;
  Subtitles subtitles_;
  std::string cues_;  // of the film whose items come
  std::set<std::filesystem::path> left_;
  std::map<std::filesystem::path, std::string> unwritten_;
};

}  // namespace owl3
