// owl3 chat on a small random checkpoint, as its tests run it.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "run_program.h"

namespace owl3::test {

using Words = std::vector<std::string>;

inline const std::string kImages = OWL3_TEST_DATA "/images/";
inline const std::string kPhoto = kImages + "08-RGB-200x150.jpg";
inline const std::string kDrawing = kImages + "20-RGB-190x300.png";
inline const std::string kFilm = OWL3_TEST_DATA "/media/mpeg4.avi";

/// `owl3 chat tiny -t 1 --max-new-tokens 12` and more.
inline Outcome chat(const Words& more, const RunOptions& options = {}) {
  Words words = {"chat", tiny_checkpoint(), "-t", "1", "--max-new-tokens", "12"};
  words.insert(words.end(), more.begin(), more.end());
  return run_owl3(words, options);
}

inline nlohmann::json chat_json(Words more, const RunOptions& options = {}) {
  more.push_back("--json");
  const Outcome outcome = chat(more, options);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out);
}

inline std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

/// A file that is refused as soon as anything of it is read.
inline std::string broken_image() {
  const std::string path = (scratch_folder() / "no-image.jpg").string();
  std::ofstream(path) << "Dear picture,\n";
  return path;
}

}  // namespace owl3::test
