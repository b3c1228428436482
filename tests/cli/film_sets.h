// Stand-in data of the benchmarks about films, in the form that their authors publish: films made
// of clips that `owl3 make-data` draws, so that the answers are true. Each question is for the
// colour of a clip's ground, of four.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "media/png_film.h"

namespace owl3::test {

inline constexpr const char* kColours[] = {"red",    "orange", "yellow", "green", "blue",
                                           "purple", "pink",   "brown",  "grey",  "white"};

/// A clip on one ground.
struct DrawnClip {
  std::vector<std::string> pictures;  // PNG files
  std::string ground;
  std::vector<std::string> options;
  int right = 0;  // which of them the ground has

  PngFilm film() const;
  std::string letter() const { return std::string(1, static_cast<char>('A' + right)); }
};

/// Clips of the test split, drawn once; the right option goes round.
const std::vector<DrawnClip>& drawn_clips();

/// Writes the sets into a data folder, each about the first clips.
class FilmSets {
 public:
  explicit FilmSets(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void next_qa(size_t clips) const;
  void videomme(size_t clips) const;
  void long_video_bench(size_t clips) const;
  /// Seven tasks, each with so many questions.
  void mlvu(size_t clips) const;
  /// Two questions for each film.
  void lvbench(size_t clips) const;
  /// A question for each of the twenty splits. Where there are bounds, another clip is shown before
  /// and behind them.
  void mvbench() const;
  void write(const std::string& name, const std::string& text) const;

 private:
  void stills(const DrawnClip& clip, const DrawnClip& other, nlohmann::json& row) const;

  std::filesystem::path folder_;
};

std::string read_text(const std::filesystem::path& path);

}  // namespace owl3::test
