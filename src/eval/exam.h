// What Distractor Resistance asks: a question about one image among others that don't matter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

/// How a question points at its image: by what the image shows ("the owl"), or by its number
/// ("image 37").
enum class Pointing { kContent, kNumber };
std::string_view name_of(Pointing pointing);
std::optional<Pointing> pointing_of(std::string_view name);

/// One asking of a question, with its options in one order.
struct Ask {
  std::string text;                  // the user's message, <image> marks in it
  std::vector<std::string> options;  // in the order that the text names them; may be none
  std::optional<size_t> right;       // which of them; with options only
  bool lettered = false;             // the text names them as "A. green"
  std::string answer;                // the words that make a reply right
  std::string sentence;              // a whole right reply: "The ground is green."
};

/// A question about one image among `distractors` others.
struct Exam {
  Pointing by = Pointing::kContent;
  int64_t distractors = 0;
  std::vector<std::string> images;  // as MediaReader takes them, one per mark
  std::optional<size_t> about;      // which of the images, where that is known
  std::vector<Ask> asks;            // circular evaluation: every order of the options by rotation
};

}  // namespace owl3
