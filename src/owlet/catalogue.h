// What can stand in a scene, with its words: emoji, coloured shapes, colours of the ground, written
// words.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

struct NamedColour {
  std::string_view name;
  std::array<uint8_t, 3> rgb;
};
/// Of grounds and shapes; far enough from each other to be told apart under noise.
inline constexpr std::array<NamedColour, 10> kColours = {{{"red", {205, 35, 40}},
                                                          {"orange", {245, 140, 25}},
                                                          {"yellow", {250, 222, 60}},
                                                          {"green", {45, 155, 65}},
                                                          {"blue", {40, 85, 210}},
                                                          {"purple", {125, 50, 170}},
                                                          {"pink", {250, 160, 205}},
                                                          {"brown", {115, 70, 38}},
                                                          {"grey", {135, 135, 135}},
                                                          {"white", {243, 243, 243}}}};

/// Outlines drawn by ourselves; see shapes.h.
inline constexpr std::array<std::string_view, 6> kShapes = {"circle", "square",  "triangle",
                                                            "star",   "diamond", "cross"};

/// An emoji of Noto Color Emoji under an everyday name.
struct EmojiName {
  char32_t code_point;
  std::string_view singular;
  std::string_view plural;  // empty: singular + "s"
  std::string_view kind;    // "an owl is an animal"
};
const std::vector<EmojiName>& emoji_names();

/// Short words to be read in a picture; none of them names a thing, a colour or a place.
const std::vector<std::string_view>& written_words();

/// One thing that can be drawn and named. Shapes come in every colour: "red circle".
struct Thing {
  std::string singular;
  std::string plural;
  std::string kind;         // "animal", "fruit", .. "shape"
  char32_t code_point = 0;  // 0: a shape
  int shape = -1;           // index into kShapes
  int colour = -1;          // of a shape: index into kColours
  bool is_shape() const { return shape >= 0; }
};
/// Every thing: the emoji, then the shapes. An index into it is a thing's number everywhere.
const std::vector<Thing>& things();

/// How many of things() are emoji: they come first.
int emoji_count();

}  // namespace owl3
