#include "owlet/language.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"
#include "owlet/catalogue.h"

namespace owl3 {

std::string with_article(std::string_view word) {
  const bool vowel = std::string_view("aeiou").find(word.front()) != std::string_view::npos;
  const bool an = (vowel && word.substr(0, 3) != "uni") || word.substr(0, 4) == "hour";
  return fmt::format("{} {}", an ? "an" : "a", word);
}

std::string capitalised(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string number_word(int number) {
  constexpr std::array<std::string_view, 11> words = {
      "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
  OWL3_CHECK(number >= 0);
  const auto index = static_cast<size_t>(number);
  return index < words.size() ? std::string(words[index]) : std::to_string(number);
}

std::string judgement(bool yes) {
  return yes ? "so yes" : "so no";
}

std::string counted(int number, int thing) {
  const Thing& what = things()[static_cast<size_t>(thing)];
  return fmt::format("{} {}", number_word(number), number == 1 ? what.singular : what.plural);
}

std::string_view ordinal(int number) {
  constexpr std::array<std::string_view, 10> words = {"first", "second", "third",   "fourth",
                                                      "fifth", "sixth",  "seventh", "eighth",
                                                      "ninth", "tenth"};
  return words.at(static_cast<size_t>(number - 1));
}

std::string listed(std::span<const std::string> parts, std::string_view last) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? fmt::format(" {} ", last) : ", ";
    text += parts[i];
  }
  return text;
}

std::vector<std::pair<int, int>> counts_of(const Scene& scene) {
  std::vector<std::pair<int, int>> counts;
  for (const SceneObject& object : scene.objects) {
    const auto known = std::find_if(counts.begin(), counts.end(),
                                    [&](const auto& entry) { return entry.first == object.thing; });
    if (known == counts.end()) {
      counts.emplace_back(object.thing, 1);
    } else {
      ++known->second;
    }
  }
  return counts;
}

bool shows(const Scene& scene, int thing) {
  return std::any_of(scene.objects.begin(), scene.objects.end(),
                     [&](const SceneObject& object) { return object.thing == thing; });
}

namespace {

bool is_pair(const Scene& scene) {
  return scene.objects.size() == 2 && scene.objects[0].place != Place::kNowhere;
}

/// One thing of each kind, in its place: the scene is not for counting.
bool is_counted(const Scene& scene) {
  return scene.objects.size() > 1 && !is_pair(scene);
}

}  // namespace

std::string contents_phrase(const Scene& scene) {
  if (scene.has_number()) return fmt::format("the number {}", scene.writing);
  if (!scene.writing.empty()) return fmt::format("the word {}", scene.writing);
  if (scene.objects.empty()) return "nothing";
  std::vector<std::string> parts;
  for (const auto& [thing, count] : counts_of(scene)) {
    parts.push_back(is_counted(scene) ? counted(count, thing) : with_article(noun(thing)));
  }
  return listed(parts);
}

std::string caption(const Scene& scene) {
  const std::string ground = fmt::format("on {} ground", with_article(ground_name(scene)));
  if (is_pair(scene)) {
    std::vector<std::string> parts;
    for (const SceneObject& object : scene.objects) {
      parts.push_back(
          fmt::format("{} {}", with_article(noun(object.thing)), place_phrase(object.place)));
    }
    return fmt::format("{}, {}", listed(parts), ground);
  }
  const std::string what = fmt::format("{} {}", contents_phrase(scene), ground);
  const bool placed = scene.objects.size() == 1 && scene.objects[0].place != Place::kNowhere;
  return placed ? fmt::format("{}, {}", what, place_phrase(scene.objects[0].place)) : what;
}

std::string contents_key(const Scene& scene) {
  if (!scene.writing.empty()) return scene.writing;
  if (scene.objects.empty()) return "nothing";
  std::string key;
  for (const auto& [thing, count] : counts_of(scene)) {
    if (!key.empty()) key += ", ";
    key += is_counted(scene) ? counted(count, thing) : std::string(noun(thing));
  }
  return key;
}

std::string_view noun(int thing) {
  return things()[static_cast<size_t>(thing)].singular;
}

std::string_view ground_name(const Scene& scene) {
  return kColours[static_cast<size_t>(scene.ground)].name;
}

}  // namespace owl3
