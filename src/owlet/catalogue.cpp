#include "owlet/catalogue.h"

namespace owl3 {

namespace {

std::vector<Thing> list_things() {
  std::vector<Thing> list;
  for (const EmojiName& name : emoji_names()) {
    list.push_back(
        {std::string(name.singular),
         name.plural.empty() ? std::string(name.singular) + "s" : std::string(name.plural),
         std::string(name.kind), name.code_point});
  }
  for (size_t shape = 0; shape < kShapes.size(); ++shape) {
    for (size_t colour = 0; colour < kColours.size(); ++colour) {
      const std::string name =
          std::string(kColours[colour].name) + " " + std::string(kShapes[shape]);
      list.push_back({name, name + (kShapes[shape] == "cross" ? "es" : "s"), "shape", 0,
                      static_cast<int>(shape), static_cast<int>(colour)});
    }
  }
  return list;
}

}  // namespace

const std::vector<Thing>& things() {
  static const std::vector<Thing> list = list_things();
  return list;
}

int emoji_count() {
  return static_cast<int>(emoji_names().size());
}

const std::vector<std::string_view>& written_words() {
  static const std::vector<std::string_view> words = {
      "yes",  "no",   "go",   "stop", "open",  "shut",  "help", "hello", "home", "love", "hope",
      "good", "bad",  "fast", "slow", "hot",   "cold",  "warm", "cool",  "wet",  "dry",  "old",
      "new",  "big",  "tall", "long", "thin",  "soft",  "hard", "loud",  "calm", "wise", "north",
      "sour", "salt", "milk", "tea",  "rice",  "soup",  "meat", "sand",  "rock", "wind", "rain",
      "snow", "ice",  "dust", "lake", "sea",   "hill",  "cave", "farm",  "park", "city", "road",
      "path", "wall", "roof", "room", "desk",  "pen",   "ink",  "art",   "song", "game", "play",
      "jump", "run",  "walk", "swim", "sing",  "read",  "draw", "push",  "pull", "day",  "noon",
      "week", "year", "time", "name", "word",  "idea",  "luck", "gold",  "iron", "wood", "wool",
      "silk", "sale", "free", "exit", "taste", "quick", "zoom", "quiz",  "jazz", "vote"};
  return words;
}

}  // namespace owl3
